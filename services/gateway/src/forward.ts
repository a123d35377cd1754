import { Failure } from '@slipway/domain/failure'
import type { Dispatcher } from 'undici'
import { answerFailure } from './answers.ts'
import { type Call, hasBody } from './call.ts'
import { callHeaders, requestHeaders, responseHeaders, trailerPairs } from './headers.ts'
import { bodyTooSlow, brokenOff, isUnsendable, noReplicas, timedOut, unreachable } from './refusals.ts'
import { createRequestBody, type RequestBody } from './request-body.ts'
import { joinSockets } from './upgrade.ts'
import { markAway, nextReplica, type Replica } from './upstream.ts'

type Controller = Dispatcher.DispatchController & { rawHeaders: Buffer[] }

export interface ForwardOptions {
  bodyLimitBytes: number
  now: () => number
}

/**
 * Passes a call on and its answer back. Another replica is asked only while nothing was sent to the first;
 * from then on an error is the caller's to see, for nobody knows what the function has done.
 * The call has ended when its response is closed.
 */
export function forward(call: Call, { bodyLimitBytes, now }: ForwardOptions): void {
  const { req, res, upstream } = call
  const headers = requestHeaders(req, call)
  const isUpgrade = call.upgrade !== null
  const tried: Replica[] = []
  let body: RequestBody | null = null
  let controller: Controller | null = null
  let isOver = false

  const timer = setTimeout(() => {
    giveUp(body?.isAwaited() === true ? bodyTooSlow(call) : timedOut(call))
  }, upstream.writeTimeoutMs)
  res.once('close', () => {
    clearTimeout(timer)
    if (!isOver) stop(new Error('the caller went away'))
  })
  attempt(null)

  /** Ends the call at the function's side. What comes from there afterwards is not looked at. */
  function stop(reason: Error): void {
    isOver = true
    controller?.abort(reason)
  }

  function giveUp(failure: Failure): void {
    if (isOver) return
    stop(failure)
    answerFailure(res, failure, callHeaders(call))
  }

  function attempt(former: Error | null): void {
    const replica = nextReplica(upstream, tried, now())
    if (replica === null) {
      giveUp(former === null ? noReplicas(call) : unreachable(call, former))
      return
    }
    tried.push(replica)
    replica.inFlight += 1
    body = hasBody(req) ? createRequestBody(call, bodyLimitBytes) : null
    replica.pool().dispatch(
      {
        path: call.target,
        method: req.method as Dispatcher.HttpMethod,
        headers,
        body: body as Dispatcher.DispatchOptions['body'],
        upgrade: isUpgrade ? 'websocket' : null
      },
      createHandler(replica)
    )
  }

  function createHandler(replica: Replica): Dispatcher.DispatchHandler {
    let isSent = false
    let isFlushed = false

    return {
      // Called with the connection made and before the first byte is written.
      onRequestStart(started) {
        isSent = true
        controller = started as Controller
        if (isOver) controller.abort(new Error('the call is over'))
      },
      onResponseStart(started, status) {
        if (status < 200) return
        const seconds = (performance.now() - call.begin) / 1000
        res.writeHead(status, responseHeaders((started as Controller).rawHeaders, call, seconds))
        // What comes with the head in one packet goes out with it; a head that comes alone does not wait for more.
        queueMicrotask(() => {
          if (!isFlushed && !isOver) res.flushHeaders()
        })
      },
      onResponseData(started, chunk) {
        isFlushed = true
        if (res.write(chunk)) return
        started.pause()
        res.once('drain', () => started.resume())
      },
      onResponseEnd(_ended, trailers) {
        isFlushed = true
        replica.inFlight -= 1
        if (isOver) return
        isOver = true
        if (res.chunkedEncoding) res.addTrailers(trailerPairs(trailers))
        res.end()
      },
      onRequestUpgrade(started, status, _headers, socket) {
        clearTimeout(timer)
        replica.inFlight -= 1
        joinSockets(call, status, responseHeaders((started as Controller).rawHeaders, call, 0), socket)
      },
      onResponseError(_failed, err) {
        replica.inFlight -= 1
        if (isOver) return
        if (isSent || isUnsendable(err)) {
          giveUp(err instanceof Failure ? err : brokenOff(call, err))
          return
        }
        markAway(replica, now())
        attempt(err)
      }
    }
  }
}
