#!/bin/sh
# Makes what infra/compose.yaml reads: secrets in infra/secrets and settings in infra/slipway.env. What is there already stays.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
# The services' user (10001) reads the files through Docker; the directory above keeps others of this machine out.
chmod 700 secrets

make() {
  [ -s "secrets/$1" ] && return 0
  printf '%s\n' "$2" > "secrets/$1"
  chmod 444 "secrets/$1"
}
for keys in encryption webhook sign-in account; do
  make "$keys-keys" "first:$(openssl rand -base64 32)"
done
make admin-token "slw_$(openssl rand -hex 32)"
make postgresql-password "$(openssl rand -hex 24)"
make database-url "postgres://slipway:$(cat secrets/postgresql-password)@127.0.0.1:${POSTGRESQL_PORT:-5433}/slipway"
[ -e slipway.env ] || printf '# Settings of docs/settings.md, for all services: forges, FUNCTIONS_DOMAIN and so on. It holds secrets.\n' > slipway.env
