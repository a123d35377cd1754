import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { Stop } from './processes.mjs'

/** The suite of Debian whose packages these are: newer than the machine's own may be, unpacked and never installed. */
const suite = 'trixie'
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
  const cache = machine.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  const directory = join(cache, 'slipway', `kubernetes-${made.digest('hex').slice(0, 16)}`)
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
  mkdirSync(dirname(directory), { recursive: true })
  const beside = mkdtempSync(`${directory}.`)
  try {
    await unpack(join(beside, 'servers'), { machine, say })
    await compile(join(beside, 'bin'), { machine, say, go, source })
    renameSync(beside, directory)
  } finally {
    rmSync(beside, { recursive: true, force: true })
  }
}

async function compile(bin, { machine, say, go, source }) {
  const [, version] = /k8s\.io\/kubernetes (v[\d.]+)/.exec(readFileSync(join(source, 'go.mod'), 'utf8')) ?? []
  say(`compiling Kubernetes ${version}: once, for some 15 minutes on two cores`)
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

/** With lists and a cache of its own: the machine's are as they were. */
async function unpack(directory, { machine, say }) {
  say(`unpacking ${packages.join(', ')} of Debian ${suite}`)
  const work = join(directory, 'apt')
  for (const path of ['lists/partial', 'archives/partial']) mkdirSync(join(work, path), { recursive: true })
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
  writeFileSync(join(work, 'sources.list'), `deb [signed-by=${keyring}] ${await archiveOf(machine)} ${suite} main\n`)
  const settings = {
    'Dir::Etc::sourcelist': join(work, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': join(work, 'lists'),
    'Dir::Cache::archives': join(work, 'archives'),
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'APT::Sandbox::User': 'root'
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  const run = async (program, args, cwd) => {
    const { code, output } = await machine.run(program, args, { cwd, env: machine.env })
    if (code !== 0) throw new Stop(`${program} failed, so that there is no Kubernetes to test with:\n${output.trim()}`)
  }
  await run('apt-get', [...options, 'update'], work)
  await run('apt-get', [...options, 'download', ...packages], work)
  for (const file of readdirSync(work)) {
    if (file.endsWith('.deb')) await run('dpkg-deb', ['--extract', join(work, file), directory], work)
  }
  rmSync(work, { recursive: true })
}

/** Where this machine takes Debian's packages from: whoever set it up knows which mirror it reaches. */
async function archiveOf(machine) {
  const ask = async () => {
    const format = '$(ORIGIN) $(RELEASE) $(COMPONENT) $(REPO_URI)'
    const { output } = await machine.run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
    // Not of updates or security, whose suites have a dash and, in part, archives of their own.
    return /^Debian [a-z]+ main (\S+)$/m.exec(output)?.[1]
  }
  const known = await ask()
  if (known !== undefined) return known
  await machine.run('apt-get', ['update']) // only with its lists it knows whose an archive is
  const found = await ask()
  if (found !== undefined) return found
  throw new Stop("apt-get knows no archive of Debian's to take etcd and containerd from: set KUBECONFIG to a cluster")
}
