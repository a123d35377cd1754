import { execFile } from 'node:child_process'
import { readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { waitFor } from '@slipway/machine'
import { bridge, networkName, podPrefix } from './ground.ts'

const run = promisify(execFile)
const cgroups = '/sys/fs/cgroup'
const timeoutMs = 30_000

/**
 * Takes away everything of a cluster that is on this machine and not in its own directories, whether it was taken down or killed:
 * pods and what keeps them, mounts, control groups, the bridge, and rules of the firewall. An engine's own
 * stay as they are.
 *
 * @param directories all that the cluster's programs keep state in.
 */
export async function clearHost(directories: readonly string[]): Promise<void> {
  await endProcesses(directories)
  await unmount(directories)
  await removeControlGroups()
  if ((await linkNames()).includes(bridge)) await run('ip', ['link', 'delete', bridge])
  await removeRules()
  await removeResults(directories)
}

/** Pods, by their control groups, and the shims that outlive their containerd, by the socket they tell it on. */
async function endProcesses(directories: readonly string[]): Promise<void> {
  const left = async () => [...(await podProcesses()), ...(await shimsOf(directories))]
  const areGone = async () => {
    const pids = await left()
    for (const pid of pids) kill(pid)
    return pids.length === 0
  }
  await waitFor(areGone, { timeoutMs, everyMs: 100, what: "the pods' processes to end" })
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (err) {
    if (!(err instanceof Error && 'code' in err && err.code === 'ESRCH')) throw err
  }
}

async function podProcesses(): Promise<number[]> {
  const groups = await controlGroups()
  const texts = await Promise.all(groups.map((group) => textOf(join(group, 'cgroup.procs'))))
  return [...new Set(texts.flatMap((text) => text.split('\n').filter((line) => line !== '')))].map(Number)
}

async function shimsOf(directories: readonly string[]): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const words = (await textOf(`/proc/${pid}/cmdline`)).split('\0')
      const isShim = words[0]?.includes('containerd-shim') === true && words.includes('k8s.io')
      return isShim && directories.some((own) => words.some((word) => word.startsWith(`${own}/`))) ? [Number(pid)] : []
    })
  )
  return found.flat()
}

/** Empty for a file that has gone meanwhile. */
async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

/** The kubelet's directory is a mount of its own, and what pods had mounted is below it. */
async function unmount(directories: readonly string[]): Promise<void> {
  const mounts = await readFile('/proc/self/mounts', 'utf8')
  const paths = mounts.split('\n').flatMap((line) => line.split(' ')[1] ?? [])
  const isOurs = (path: string) => directories.some((own) => path.startsWith(`${own}/`))
  for (const path of paths.filter(isOurs).toReversed()) await run('umount', ['--lazy', path])
}

/** Of both versions: below each controller, or of all of them together. The deepest come last. */
async function controlGroups(): Promise<string[]> {
  const tops = [cgroups, ...(await readdir(cgroups)).map((name) => join(cgroups, name))].map((at) =>
    join(at, 'kubepods')
  )
  const found = await Promise.all(
    tops.map(async (top) => {
      const below = await readdir(top, { recursive: true, withFileTypes: true }).catch(() => null)
      if (below === null) return []
      return [
        top,
        ...below.filter((entry) => entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name))
      ]
    })
  )
  return found.flat().toSorted((one, other) => one.split('/').length - other.split('/').length)
}

async function removeControlGroups(): Promise<void> {
  const areGone = async () => {
    const groups = await controlGroups()
    // One that ended a moment ago is still busy.
    await Promise.allSettled(groups.toReversed().map((group) => rmdir(group)))
    return groups.length === 0
  }
  await waitFor(areGone, { timeoutMs, everyMs: 100, what: 'the control groups of the pods to be removed' })
}

async function linkNames(): Promise<string[]> {
  const { stdout } = await run('ip', ['-brief', 'link'])
  return stdout.split('\n').map((line) => line.split(/[ @]/)[0] ?? '')
}

/** What containerd keeps of each sandbox's loopback device, in a place of all CNI's. */
async function removeResults(directories: readonly string[]): Promise<void> {
  const results = '/var/lib/cni/results'
  for (const name of await readdir(results).catch(() => [])) {
    const text = await textOf(join(results, name))
    if (directories.some((own) => text.includes(`"${own}/`))) await rm(join(results, name))
  }
}

const iptables = (...args: string[]) => run('iptables', ['--wait', ...args])

/** A chain's rules as arguments of `iptables`; null where there is no such chain. */
async function rulesOf(table: string, chain: string, program = 'iptables'): Promise<string[] | null> {
  const listed = await run(program, ['--wait', '--table', table, '--list-rules', chain]).catch(() => null)
  return listed?.stdout.split('\n').filter((line) => line.startsWith('-A ')) ?? null
}

/** What the network plugins made for pods that nobody took down, and the plugins' own chains once they lead nowhere. */
async function removeRules(): Promise<void> {
  for (const rule of (await rulesOf('nat', 'POSTROUTING')) ?? []) {
    const [, source, id, chain] = /-s (\S+) .*name: \\"([^"]+\\" id: \\"\w+)\\"" -j (CNI-\w+)$/.exec(rule) ?? []
    if (source === undefined || id === undefined || chain === undefined || !id.startsWith(`${networkName}\\`)) continue
    const comment = `name: "${id.replaceAll('\\', '')}"`
    const nat = ['--table', 'nat']
    await iptables(...nat, '-D', 'POSTROUTING', '-s', source, '-m', 'comment', '--comment', comment, '-j', chain)
    await iptables(...nat, '--flush', chain)
    await iptables(...nat, '--delete-chain', chain)
  }
  for (const rule of (await rulesOf('filter', 'CNI-FORWARD')) ?? []) {
    if (rule.includes(` ${podPrefix}`)) await iptables('-D', ...rule.split(' ').slice(1))
  }
  const isIdle = (rules: string[] | null) => rules?.every((rule) => rule.endsWith('-j CNI-ADMIN')) === true
  const byHand = await rulesOf('filter', 'CNI-ADMIN')
  if (isIdle(await rulesOf('filter', 'CNI-FORWARD')) && byHand?.length === 0) {
    await iptables('-D', 'FORWARD', '-m', 'comment', '--comment', 'CNI firewall plugin rules', '-j', 'CNI-FORWARD')
    await removeChain('CNI-FORWARD')
    await removeChain('CNI-ADMIN')
  }
  // kube-proxy makes it, uses it only where nodes' ports are on loopback, and forgets it when it cleans up.
  for (const program of ['iptables', 'ip6tables'] as const) {
    if ((await rulesOf('filter', 'KUBE-FIREWALL', program))?.length !== 0) continue
    for (const chain of ['INPUT', 'OUTPUT']) await run(program, ['--wait', '-D', chain, '-j', 'KUBE-FIREWALL'])
    await run(program, ['--wait', '--delete-chain', 'KUBE-FIREWALL'])
  }
}

async function removeChain(chain: string): Promise<void> {
  await iptables('--flush', chain)
  await iptables('--delete-chain', chain)
}
