import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, unpackPackages } from './debian.mjs'
import { keptDirectory, makeKept } from './kept.mjs'
import { Stop } from './processes.mjs'

const packages = ['etcd-server', 'containerd', 'containernetworking-plugins']
const programs = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy']

/**
 * What a real single-node Kubernetes is made of: its programs compiled by Go from their published modules, its servers unpacked
 * from Debian's packages. Kept outside the tree, by the hash of what they are made from: a second run finds them there.
 *
 * @returns the environment variable that tells the tests where it is; nothing where KUBECONFIG names a cluster
 */
export async function ensureKubernetes({ machine, say, root }) {
  if (machine.env.KUBECONFIG) {
    say('Kubernetes as configured by KUBECONFIG')
    return {}
  }
  const source = join(root, 'test', 'kubernetes', 'programs')
  const made = createHash('sha256').update(suite).update(packages.join())
  for (const file of ['go.mod', 'go.sum', 'pause/main.go']) made.update(readFileSync(join(source, file)))
  const directory = keptDirectory(machine, `kubernetes-${made.digest('hex').slice(0, 16)}`)
  if (existsSync(directory)) say(`Kubernetes is in ${directory}`)
  else await make(directory, { machine, say, source })
  return { SLIPWAY_TEST_KUBERNETES: directory }
}

async function make(directory, { machine, say, source }) {
  const go = machine.find(['go']) ?? (existsSync('/usr/local/go/bin/go') ? '/usr/local/go/bin/go' : null)
  if (go === null) {
    throw new Stop(
      'a Kubernetes cluster is needed: set KUBECONFIG to one, or install Go 1.26 or newer (https://go.dev/dl), with which one is compiled'
    )
  }
  if (!machine.isRoot) throw new Stop('a Kubernetes cluster of our own needs root: set KUBECONFIG to one that runs')
  await makeKept(directory, async (beside) => {
    await unpackPackages(packages, join(beside, 'servers'), {
      machine,
      say,
      without: 'Kubernetes to test with',
      instead: 'set KUBECONFIG to a cluster'
    })
    await compile(join(beside, 'bin'), { machine, say, go, source })
  })
}

async function compile(bin, { machine, say, go, source }) {
  const [, version] = /k8s\.io\/kubernetes (v[\d.]+)/.exec(readFileSync(join(source, 'go.mod'), 'utf8')) ?? []
  say(`compiling Kubernetes ${version}: once, for 7 to 15 minutes on two cores`)
  mkdirSync(bin)
  const [major, minor] = version.slice(1).split('.')
  const stamp = Object.entries({ gitVersion: version, gitMajor: major, gitMinor: minor })
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(' ')
  const names = programs.map((name) => `k8s.io/kubernetes/cmd/${name}`)
  const args = ['build', '-trimpath', '-ldflags', `-s -w ${stamp}`, '-o', `${bin}/`, './pause', ...names]
  const env = { ...machine.env, GOFLAGS: '-mod=readonly' }
  const { code, output } = await machine.run(go, args, { cwd: source, env })
  if (code !== 0) throw new Stop(`go build failed:\n${output.trim()}`)
}
