import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Failure } from '@slipway/domain'
import { requireProgram } from '@slipway/machine'
import { processorTicks } from './processes.ts'
import type { Way } from './proxies.ts'

const run = promisify(execFile)
const connections = 50
/** Of `getconf CLK_TCK`, which is the same on every Linux that Node runs on. */
const ticksPerSecond = 100

/** What one run of the load gave. */
export interface Load {
  calls: number
  perSecond: number
  p99Ms: number
  /** Calls for each second of the processor that the process between took; null: there is none. */
  perCore: number | null
}

/** Debian's `wrk`, one thread, 50 connections, each asking again when its answer has come. @throws when one call was not answered 2xx. */
export async function loadFor(seconds: number, { url, pid }: Way, signal: AbortSignal): Promise<Load> {
  const wrk = await requireProgram('wrk')
  const args = ['--threads', '1', '--connections', String(connections), '--duration', `${seconds}s`, '--latency', url]
  const before = pid === null ? 0 : await processorTicks(pid)
  const { stdout } = await run(wrk, args, { signal })
  const took = pid === null ? null : ((await processorTicks(pid)) - before) / ticksPerSecond
  const wrong = /^\s*(Non-2xx.*|Socket errors.*)$/m.exec(stdout)?.[1]
  if (wrong !== undefined) throw new Failure('unavailable', `${url}: ${wrong}`)
  const calls = Number(/(\d+) requests in/.exec(stdout)?.[1])
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])
  const [, number, unit] = /^\s+99%\s+([\d.]+)(us|ms|s)$/m.exec(stdout) ?? []
  const p99Ms = Number(number) * (unit === 'us' ? 0.001 : unit === 's' ? 1000 : 1)
  if (![calls, perSecond, p99Ms].every((value) => value > 0)) throw new Failure('unavailable', `wrk printed\n${stdout}`)
  return { calls, perSecond, p99Ms, perCore: took === null ? null : calls / took }
}
