import { readdir, readFile } from 'node:fs/promises'
import { Failure } from '@slipway/domain'

/* What /proc tells of processes: proc(5). */

/** The child of the control process that runs the gateway's `main.ts`. */
export async function gatewayOf(control: number): Promise<number> {
  for (const pid of await childrenOf(control)) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (/gateway\/src\/main\.ts/.test(command)) return pid
  }
  throw new Failure('not-found', 'the gateway of "slipway up" was not found among its processes')
}

/** Those that the process started and that run. */
export async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const parents = await Promise.all(pids.map((pid) => statOf(pid).catch(() => [])))
  return pids.filter((_pid, i) => Number(parents[i]?.[1]) === parent)
}

/** In MiB. `anonymous`: what the process itself holds. */
export async function memoryOf(pid: number): Promise<{ rss: number; pss: number; anonymous: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const shares = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  return { rss: field(status, 'VmRSS'), pss: field(shares, 'Pss'), anonymous: field(status, 'RssAnon') }
}

function field(text: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)
  if (found === null) throw new Failure('not-found', `/proc tells no ${name}`)
  return Number(found[1]) / 1024
}

/** Of the process and the children that it has waited for, in ticks. */
export async function processorTicks(pid: number): Promise<number> {
  // utime, stime, cutime, cstime: fields 14 to 17 of proc(5), the third of which is the first here.
  return (await statOf(pid)).slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0)
}

/** What follows on `pid (name)`, for a name may hold anything: state, parent and so on. */
async function statOf(pid: number): Promise<string[]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}
