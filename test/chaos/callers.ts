import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Subject } from './subject.ts'

/** A call that was not answered as it should have been. Times are of `performance.now()`. */
export interface FailedCall {
  path: string
  what: string
  /** There was no answer at all: the connection could not be made, or broke. */
  isBroken: boolean
  /** When the connection was made that it went by, if others went by it before. */
  keptSince: number | null
  from: number
  to: number
}

export interface Callers {
  counts(): { calls: number; live: number }
  failed(): FailedCall[]
  stop(): Promise<void>
}

export interface CallersOptions {
  gatewayUrl: string
  subjects: readonly Subject[]
  /** Callers at a time. */
  concurrency: number
  pauseMs: number
}

type Outcome = { status: number; body: string } | { error: string; keptSince: number | null }

/**
 * Calls functions all the time, over connections that are kept and over new ones in turn. A function counts as live from its first
 * good answer on: from then on every call of it has to be answered with 200 and something that its owner pushed.
 */
export function startCallers({ gatewayUrl, subjects, concurrency, pauseMs }: CallersOptions): Callers {
  const { hostname, port } = new URL(gatewayUrl)
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  const live: Subject[] = []
  const failed: FailedCall[] = []
  const stopping = new AbortController()
  const madeAt = new WeakMap<object, number>()
  let calls = 0

  function call(path: string, isKept: boolean): Promise<Outcome> {
    return new Promise((resolve) => {
      const headers = isKept ? {} : { connection: 'close' }
      let keptSince: number | null = null
      const fail = (err: Error) => resolve({ error: describe(err), keptSince })
      const req = request({ hostname, port, path, headers, agent: isKept ? agent : false, timeout: 15_000 }, (res) => {
        const parts: Buffer[] = []
        res.on('data', (part: Buffer) => parts.push(part))
        res.on('end', () => resolve({ status: res.statusCode ?? 0, body: Buffer.concat(parts).toString() }))
        res.on('error', fail)
      })
      req.on('timeout', () => req.destroy(new Error('no answer within 15 s')))
      req.on('error', fail)
      req.on('socket', (socket) => {
        keptSince = madeAt.get(socket) ?? null
        if (keptSince === null) madeAt.set(socket, performance.now())
      })
      req.end()
    })
  }

  const pathOf = (subject: Subject) => `/function/${subject.owner}-${subject.mainFunction}`

  async function callOne(subject: Subject, isKept: boolean): Promise<void> {
    const path = pathOf(subject)
    const from = performance.now()
    const outcome = await call(path, isKept)
    const to = performance.now()
    calls += 1
    const what = faultOf(outcome, subject)
    const keptSince = 'error' in outcome ? outcome.keptSince : null
    if (what !== null) failed.push({ path, what, isBroken: 'error' in outcome, keptSince, from, to })
  }

  async function callAllTheTime(caller: number): Promise<void> {
    for (let i = caller; !stopping.signal.aborted; i += 1) {
      const subject = live[i % Math.max(1, live.length)]
      if (subject !== undefined) await callOne(subject, i % 2 === 0)
      await pause(pauseMs)
    }
  }

  /** Looks for functions that have begun to answer. */
  async function findLive(): Promise<void> {
    while (!stopping.signal.aborted) {
      for (const subject of subjects) {
        if (live.includes(subject) || stopping.signal.aborted) continue
        const outcome = await call(pathOf(subject), false)
        if (faultOf(outcome, subject) === null) live.push(subject)
      }
      await pause(300)
    }
  }

  const pause = (ms: number) => sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined)
  const work = Promise.all([findLive(), ...Array.from({ length: concurrency }, (_, i) => callAllTheTime(i))])
  return {
    counts: () => ({ calls, live: live.length }),
    failed: () => [...failed],
    async stop() {
      stopping.abort()
      await work
      agent.destroy()
    }
  }
}

function faultOf(outcome: Outcome, subject: Subject): string | null {
  if ('error' in outcome) return outcome.error
  if (outcome.status !== 200) return `${outcome.status} ${outcome.body.slice(0, 200)}`
  return subject.words.has(outcome.body) ? null : `answered ${JSON.stringify(outcome.body.slice(0, 80))}`
}

function describe(err: Error): string {
  return 'code' in err && typeof err.code === 'string' ? `${err.code}: ${err.message}` : err.message
}
