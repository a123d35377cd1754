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

type Table = 'filter' | 'nat'

/** In the words of `iptables --append`; null where there is no such table or chain. */
async function rulesOf(table: Table, chain: string | null, program = 'iptables'): Promise<string[] | null> {
  const which = ['--table', table, '--list-rules', ...(chain === null ? [] : [chain])]
  const listed = await run(program, ['--wait', ...which]).catch(() => null)
  return listed?.stdout.split('\n').filter((line) => line.startsWith('-A ')) ?? null
}

const deleted = (rule: string) => rule.replace(/^-A/, '-D')

/** All of the lines or none. They are read as they were listed: `iptables` itself wants its words apart. */
async function change(table: Table, lines: readonly string[], program = 'iptables'): Promise<void> {
  const running = run(`${program}-restore`, ['--wait', '--noflush'])
  running.child.stdin?.end([`*${table}`, ...lines, 'COMMIT', ''].join('\n'))
  await running
}

/** With every rule that leads to one of them: plugins that run beside each other may each have made the same one. */
async function removeChains(table: Table, chains: readonly string[], program = 'iptables'): Promise<void> {
  const leading = ((await rulesOf(table, null, program)) ?? []).filter((rule) =>
    chains.some((chain) => rule.endsWith(` -j ${chain}`))
  )
  const emptied = chains.map((chain) => `-F ${chain}`)
  const fromOutside = leading.filter((rule) => !chains.some((chain) => rule.startsWith(`-A ${chain} `)))
  await change(table, [...fromOutside.map(deleted), ...emptied, ...chains.map((chain) => `-X ${chain}`)], program)
}

/** What the network plugins made for pods that nobody took down, and the plugins' own chains once they lead nowhere. */
async function removeRules(): Promise<void> {
  const ofPods = ((await rulesOf('nat', 'POSTROUTING')) ?? []).flatMap((rule) => {
    const [, network, chain] = /--comment "name: \\"([^"]+)\\" id: .* -j (CNI-\w+)$/.exec(rule) ?? []
    return network === networkName && chain !== undefined ? [chain] : []
  })
  if (ofPods.length > 0) await removeChains('nat', [...new Set(ofPods)])
  const accepting = ((await rulesOf('filter', 'CNI-FORWARD')) ?? []).filter((rule) => rule.includes(` ${podPrefix}`))
  if (accepting.length > 0) await change('filter', accepting.map(deleted))
  const isIdle = (rules: string[] | null) => rules?.every((rule) => rule.endsWith('-j CNI-ADMIN')) === true
  const byHand = await rulesOf('filter', 'CNI-ADMIN')
  if (isIdle(await rulesOf('filter', 'CNI-FORWARD')) && byHand?.length === 0) {
    await removeChains('filter', ['CNI-FORWARD', 'CNI-ADMIN'])
  }
  // kube-proxy makes it, uses it only where nodes' ports are on loopback, and forgets it when it cleans up.
  for (const program of ['iptables', 'ip6tables'] as const) {
    if ((await rulesOf('filter', 'KUBE-FIREWALL', program))?.length !== 0) continue
    await removeChains('filter', ['KUBE-FIREWALL'], program)
  }
}
