import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { commonInputs, findExtensions, fingerprint } from './image-inputs.mjs'
import { findProgram, serverDirectories } from './processes.mjs'

const data = '/var/lib/postgresql/data'
const engineHome = '/home/rootless'
const engineData = `${engineHome}/.local/share/docker`

/**
 * The servers beside Slipway's services. What is made of this machine's programs takes the commands and settings, and has the users and
 * places, of the usual images, as far as infra/compose.yaml and infra/chart name them.
 */
export const serverKinds = {
  redis: {
    variable: 'REDIS_IMAGE',
    image: 'docker.io/library/redis:7-alpine',
    repository: 'slipway/redis',
    holds: 'redis-server and redis-cli',
    parts: redisParts,
    changes: ['ENTRYPOINT ["/usr/local/bin/begin"]', 'CMD ["redis-server"]', 'WORKDIR /data', 'VOLUME /data'],
    trial: 'redis-server --version && redis-cli --version'
  },
  postgresql: {
    variable: 'POSTGRESQL_IMAGE',
    image: 'docker.io/library/postgres:17-alpine',
    repository: 'slipway/postgresql',
    holds: 'PostgreSQL, set up by POSTGRES_USER, POSTGRES_DB and POSTGRES_PASSWORD_FILE',
    parts: postgresqlParts,
    changes: ['ENTRYPOINT ["/usr/local/bin/begin"]', 'CMD ["postgres"]', `ENV PGDATA=${data}`, `VOLUME ${data}`],
    trial: 'postgres --version && initdb --version && pg_isready --version'
  },
  registry: {
    variable: 'REGISTRY_IMAGE',
    image: 'docker.io/library/registry:2',
    repository: 'slipway/registry',
    holds: "Docker's registry",
    parts: registryParts,
    changes: ['CMD ["registry", "serve", "/etc/docker/registry/config.yml"]', 'VOLUME /var/lib/registry'],
    trial: 'registry --version'
  },
  // Beside a builder in a pod: infra/chart's `builder.engine.sidecar`.
  engine: {
    variable: 'ENGINE_IMAGE',
    image: 'docker.io/library/docker:28-dind-rootless',
    repository: 'slipway/engine',
    holds: "Docker's engine, rootlesskit and slirp4netns",
    parts: engineParts,
    packages: ['docker.io', 'rootlesskit', 'slirp4netns', 'uidmap', 'fuse-overlayfs', 'iptables', 'iproute2'],
    changes: [
      'ENTRYPOINT ["/usr/local/bin/begin"]',
      'CMD ["dockerd"]',
      'USER rootless',
      `ENV HOME=${engineHome}`,
      `VOLUME ${engineData}`
    ],
    trial: 'dockerd --version && rootlesskit --version && slirp4netns --version && [ -u /usr/bin/newuidmap ]'
  }
}

function redisParts({ machine }) {
  return partsOf(machine, { '/usr/bin/redis-server': 'redis-server', '/usr/bin/redis-cli': 'redis-cli' }, () => ({
    users: { redis: 999 },
    owned: { '/data': 999 },
    scripts: { '/usr/local/bin/begin': begin('redis-server', 999, 'chown -R 999:999 /data') }
  }))
}

function registryParts({ machine }) {
  const configuration = [
    'version: 0.1',
    'storage: { filesystem: { rootdirectory: /var/lib/registry } }',
    'http: { addr: ":5000" }'
  ]
  return partsOf(machine, { '/usr/bin/registry': ['docker-registry', 'registry'] }, () => ({
    owned: { '/var/lib/registry': 0 },
    files: { '/etc/docker/registry/config.yml': `${configuration.join('\n')}\n` }
  }))
}

const enginePrograms = {
  '/usr/bin': [
    'containerd',
    'containerd-shim-runc-v2',
    'docker-init',
    'rootlesskit',
    'rootlesskit-docker-proxy',
    'slirp4netns',
    'fuse-overlayfs',
    'nsenter'
  ],
  '/usr/sbin': ['dockerd', 'docker-proxy', 'runc', 'ip', 'iptables', 'ip6tables', 'iptables-save', 'iptables-restore']
}
const idMappers = ['/usr/bin/newuidmap', '/usr/bin/newgidmap']
/** The usual image runs the engine in namespaces of its user's with exactly these options. */
const beginEngine = `#!/bin/sh
set -eu
[ "\${1:-}" = dockerd ] || exec "$@"
: "\${XDG_RUNTIME_DIR:=/run/user/$(id -u)}"
export XDG_RUNTIME_DIR
mkdir -p "$XDG_RUNTIME_DIR" "$HOME/.local/share/docker"
exec rootlesskit --net=slirp4netns --mtu=1500 --disable-host-loopback --port-driver=builtin --copy-up=/etc --copy-up=/run docker-init -- "$@"
`

function engineParts({ machine }) {
  const wanted = Object.fromEntries([
    ...Object.entries(enginePrograms).flatMap(([directory, names]) =>
      names.map((name) => [join(directory, name), name])
    ),
    ...idMappers.map((place) => [place, basename(place)])
  ])
  const extensions = findExtensions()
  if (extensions === null) return null
  return partsOf(machine, wanted, () => ({
    trees: [{ from: extensions, to: extensions }],
    setuid: idMappers,
    links: { '/var/run': '../run' },
    users: { rootless: 1000 },
    files: { '/etc/subuid': 'rootless:100000:65536\n', '/etc/subgid': 'rootless:100000:65536\n' },
    owned: Object.fromEntries(
      [
        '/run/user/1000',
        engineHome,
        ...['.local', '.local/share'].map((path) => join(engineHome, path)),
        engineData
      ].map((path) => [path, 1000])
    ),
    scripts: { '/usr/local/bin/begin': beginEngine }
  }))
}

const postgresPrograms = ['postgres', 'initdb', 'pg_isready', 'psql', 'pg_dump']
const setUp = `trap 'exit 143' TERM INT
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --pgdata "$PGDATA" --username "$POSTGRES_USER" --pwfile "$POSTGRES_PASSWORD_FILE" --encoding UTF8 --locale C.UTF-8 --no-sync --auth-local trust --auth-host scram-sha-256
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE \\"$POSTGRES_DB\\"" | postgres --single -F -D "$PGDATA" postgres
fi
# It refuses one that others may write in, as a group that a volume is given to may.
chmod 700 "$PGDATA"
set -- "$@" -c 'listen_addresses=*'`
/** Told to end it ends sessions and does not wait for them. The usual image has a signal of its own for that, which an imported one cannot have. */
const serve = `"$@" &
trap 'kill -INT $!' TERM INT
# The first is over with the signal.
wait $! || wait $!`

/** They find their own files from where they are. */
function postgresqlParts({ machine }) {
  const found = findProgram('initdb', '', serverDirectories())
  if (found === null) return null
  const bin = dirname(realpathSync(found))
  const own = dirname(bin)
  const share = own.replace('/lib/', '/share/')
  if (share === own || !existsSync(share)) return null
  const binaries = Object.fromEntries(postgresPrograms.map((name) => [join(bin, name), name]))
  const content = () => ({
    trees: [
      // Of LLVM, which is larger than all the rest, it takes no notice where it is not there.
      { from: join(own, 'lib'), to: join(own, 'lib'), without: (name) => /^(bitcode|llvmjit.*)$/.test(name) },
      ...[share, '/usr/lib/locale/C.utf8', '/usr/share/zoneinfo']
        .filter((place) => existsSync(place))
        .map((place) => ({ from: place, to: place, without: (name) => name === 'posix' || name === 'right' }))
    ],
    links: {
      '/var/run': '../run',
      ...Object.fromEntries(postgresPrograms.map((name) => [`/usr/bin/${name}`, join(bin, name)]))
    },
    users: { postgres: 70 },
    owned: { [data]: 70, '/run/postgresql': 70 },
    scripts: {
      '/usr/local/bin/begin': begin(
        'postgres',
        70,
        `mkdir -p "$PGDATA" && chown -R 70:70 "$PGDATA" /run/postgresql`,
        `${setUp}\n${serve}`
      )
    }
  })
  // Not Debian's own of these names, which choose among clusters.
  return partsOf(machine, binaries, content, bin)
}

/** Runs what it is given: the server itself as its own user, once its directory is that user's. */
function begin(server, user, own, serve = 'exec "$@"') {
  return `#!/bin/sh
set -eu
[ "\${1:-}" = ${server} ] || exec "$@"
if [ "$(id -u)" = 0 ]; then
  ${own}
  exec setpriv --reuid=${user} --regid=${user} --clear-groups "$0" "$@"
fi
${serve}
`
}

/**
 * @param wanted the name of each program, or its names, by its place in the image
 * @param first where they are looked for first
 */
function partsOf(machine, wanted, content, first = '') {
  const common = commonInputs(machine)
  const all = { ...wanted, '/usr/bin/setpriv': 'setpriv' }
  const binaries = Object.fromEntries(
    Object.entries(all).map(([place, names]) => [place, findProgram(names, first, serverDirectories())])
  )
  if (common === null || Object.values(binaries).includes(null)) return null
  const programs = Object.values(binaries).map((file) => fingerprint(realpathSync(file)))
  return { inputs: { ...common, programs }, content: () => ({ binaries, ...content() }) }
}
