import { Failure } from '@slipway/domain/failure'
import type { Dispatcher } from 'undici'
import { type AnswerEvents, type Controller, createAnswerHandler } from './answer-handler.ts'
import { answerFailure } from './answers.ts'
import { type Call, hasBody } from './call.ts'
import { callHeaders, requestHeaders } from './headers.ts'
import { bodyTooSlow, brokenOff, isUnsendable, noReplicas, timedOut, unreachable } from './refusals.ts'
import { createRequestBody, type RequestBody } from './request-body.ts'
import { asAskedAt } from './shared-address.ts'
import { markAway, nextReplica, type Replica } from './upstream.ts'

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
  const tried: Replica[] = []
  let body: RequestBody | null = null
  let controller: Controller | null = null
  let isOver = false

  const timer = setTimeout(() => {
    giveUp(body?.isAwaited() === true ? bodyTooSlow(call) : timedOut(call))
  }, upstream.writeTimeoutMs)
  res.on('close', () => {
    clearTimeout(timer)
    if (!isOver) stop(new Error('the caller went away'))
  })
  attempt(null)

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
    const request = {
      ...asAskedAt(replica, call.target, headers),
      method: req.method as Dispatcher.HttpMethod,
      body: body as Dispatcher.DispatchOptions['body'],
      upgrade: call.upgrade === null ? null : 'websocket'
    }
    replica.pool().dispatch(request, createAnswerHandler(call, replica, eventsOf(replica)))
  }

  function eventsOf(replica: Replica): AnswerEvents {
    return {
      onConnect(connected) {
        controller = connected
        if (isOver) connected.abort(new Error('the call is over'))
      },
      onEnd() {
        isOver = true
      },
      onUpgrade: () => clearTimeout(timer),
      onFailure(err, isSent) {
        if (isSent || isUnsendable(err)) {
          giveUp(err instanceof Failure ? err : brokenOff(call, err))
          return
        }
        markAway(replica, now())
        attempt(err)
      },
      isOver: () => isOver
    }
  }
}
