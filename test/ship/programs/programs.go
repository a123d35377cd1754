//go:build tools

// Package programs names the programs that what is shipped is checked with, so that this module's go.sum covers them.
package programs

import (
	_ "helm.sh/helm/v4/cmd/helm"
)
