import { Failure } from '@slipway/domain/failure'
import type { Dispatcher } from 'undici'
import type { Controller } from '../answer-handler.ts'
import type { CallFacts } from '../headers.ts'
import { responseHeaders } from '../headers.ts'
import type { GatewayMetrics } from '../metrics.ts'
import type { RouteTable } from '../routes.ts'
import { asAskedAt } from '../shared-address.ts'
import type { Tally } from '../tally.ts'
import { isAsleep, markAway, nextReplica, type Replica, type Upstream } from '../upstream.ts'
import type { Waking } from '../waking.ts'

export interface Asked extends Pick<CallFacts, 'callId' | 'startedAt'> {
  method: string
  target: string
  headers: string[]
  body: Buffer
}

export interface Result {
  /** What the function answered, or what a caller would have been told in its place. */
  status: number
  /** Name, value, name, value; those of the call's own included. */
  headers: string[]
  body: Buffer
  seconds: number
  retryAfterMs: number | null
}

export type Perform = (upstream: Upstream, asked: Asked, signal: AbortSignal) => Promise<Result>

/** More of an answer is not kept for a callback. */
const answerLimitBytes = 1024 * 1024

export interface PerformDeps {
  table: Pick<RouteTable, 'enter' | 'leave'>
  metrics: Pick<GatewayMetrics, 'started' | 'ended'>
  tally: Pick<Tally, 'began' | 'ended'>
  /** Holds calls to functions that have no replica. */
  waking: Pick<Waking, 'awake'>
  now: () => number
}

/** Makes one call with nobody who waits for it: counted as others are, and the version that it is made to stays until it has ended. */
export function createPerform({ table, metrics, tally, waking, now }: PerformDeps): Perform {
  return async (wanted, asked, signal) => {
    const begin = performance.now()
    let upstream = wanted
    try {
      if (isAsleep(wanted)) upstream = await waking.awake(wanted, signal)
    } catch (err) {
      signal.throwIfAborted()
      if (!(err instanceof Failure)) throw err
      return told(err.statusCode, err.message)
    }
    table.enter(upstream)
    metrics.started(upstream.label)
    tally.began(upstream)
    let status = 499
    try {
      const result = await attempt()
      status = result.status
      return result
    } finally {
      const seconds = (performance.now() - begin) / 1000
      table.leave(upstream)
      metrics.ended(upstream.label, status, seconds)
      tally.ended(upstream, status, seconds)
    }

    async function attempt(): Promise<Result> {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(upstream.writeTimeoutMs)])
      const replica = nextReplica(upstream, [], now())
      if (replica === null) return told(503, 'the function has no running replica')
      try {
        return await exchange(replica, asked, begin, limit)
      } catch (err) {
        signal.throwIfAborted()
        if (limit.aborted) return told(504, `the function had not answered after ${upstream.writeTimeoutMs} ms`)
        if (!(err instanceof Failure)) markAway(replica, now())
        return told(502, 'the function could not be reached, or its answer broke off')
      }
    }

    function told(code: number, message: string): Result {
      const headers = ['Content-Type', 'application/json', 'X-Call-Id', asked.callId]
      const body = Buffer.from(JSON.stringify({ message }))
      return { status: code, headers, body, seconds: (performance.now() - begin) / 1000, retryAfterMs: null }
    }
  }
}

function exchange(replica: Replica, asked: Asked, begin: number, limit: AbortSignal): Promise<Result> {
  const facts: CallFacts = { ...asked, isTrusted: false, depth: 0, traceparent: null, keyHeaders: [] }
  const parts: Buffer[] = []
  let bytes = 0
  let head: Omit<Result, 'body' | 'seconds'> | null = null
  const secondsSince = () => (performance.now() - begin) / 1000

  return new Promise<Result>((resolve, reject) => {
    let controller: Controller | null = null
    const abort = () => {
      controller?.abort(new Error('the time is over'))
      reject(new Error('the time is over'))
    }
    limit.addEventListener('abort', abort, { once: true })
    replica.inFlight += 1
    const over = () => {
      replica.inFlight -= 1
      limit.removeEventListener('abort', abort)
    }
    const request: Dispatcher.DispatchOptions = {
      ...asAskedAt(replica, asked.target, asked.headers),
      method: asked.method,
      body: asked.body.length === 0 ? null : asked.body
    }
    replica.pool().dispatch(request, {
      onRequestStart(started) {
        controller = started as Controller
        if (limit.aborted) abort()
      },
      onResponseStart(started, status, headers) {
        if (status < 200) return
        const raw = responseHeaders((started as Controller).rawHeaders, facts, secondsSince())
        head = { status, headers: raw, retryAfterMs: retryAfterOf(headers['retry-after']) }
      },
      onResponseData(_controller, chunk) {
        bytes += chunk.length
        if (bytes <= answerLimitBytes) parts.push(chunk)
      },
      onResponseEnd() {
        over()
        if (head === null) reject(new Error('there was no answer'))
        else resolve({ ...head, body: Buffer.concat(parts), seconds: secondsSince() })
      },
      onResponseError(_controller, err) {
        over()
        reject(err)
      }
    })
  })
}

/** Of seconds; dates are not looked at. */
function retryAfterOf(value: string | string[] | undefined): number | null {
  return typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) * 1000 : null
}
