import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Call } from './call.ts'
import { responseHeaders, trailerPairs } from './headers.ts'
import { joinSockets } from './upgrade.ts'
import type { Replica } from './upstream.ts'

export type Controller = Dispatcher.DispatchController & { rawHeaders: Buffer[] }

export interface AnswerEvents {
  /** The connection is made, and nothing was written yet. */
  onConnect(controller: Controller): void
  /** The whole answer came. */
  onEnd(): void
  onUpgrade(): void
  /** @param isSent false: the replica has seen nothing of the request. */
  onFailure(err: Error, isSent: boolean): void
  /** Whatever still comes is not looked at. */
  isOver(): boolean
}

/** Up to here it costs less to copy a body than to write it beside its head. */
const copiedBytes = 8192

/** The last of an answer, which is most often all of it: what is a string goes out in one with the head. */
function endWith(res: ServerResponse, body: Buffer): void {
  if (body.length > copiedBytes) res.end(body)
  else res.end(body.toString('latin1'), 'latin1')
}

/** Passes one replica's answer on, as it comes and as fast as the caller takes it. */
export function createAnswerHandler(call: Call, replica: Replica, events: AnswerEvents): Dispatcher.DispatchHandler {
  const { res } = call
  let isSent = false
  /** The head, and the first of the body, wait for what came with them in one packet: it goes out as one, too. */
  let isHeld = false
  let first: Buffer | null = null

  function release(): void {
    if (!isHeld) return
    isHeld = false
    if (events.isOver()) return
    if (first === null) res.flushHeaders()
    else res.write(first)
  }

  return {
    onRequestStart(controller) {
      isSent = true
      events.onConnect(controller as Controller)
    },
    onResponseStart(controller, status) {
      if (status < 200) return
      const seconds = (performance.now() - call.begin) / 1000
      res.writeHead(status, responseHeaders((controller as Controller).rawHeaders, call, seconds))
      isHeld = true
      process.nextTick(release)
    },
    onResponseData(controller, chunk) {
      if (isHeld && first === null) {
        first = chunk
        return
      }
      release()
      if (res.write(chunk)) return
      controller.pause()
      res.once('drain', () => controller.resume())
    },
    onResponseEnd(_controller, trailers) {
      replica.inFlight -= 1
      if (events.isOver()) return
      events.onEnd()
      const isWhole = isHeld
      isHeld = false
      if (res.chunkedEncoding) res.addTrailers(trailerPairs(trailers))
      if (isWhole && first !== null) endWith(res, first)
      else res.end()
    },
    onRequestUpgrade(controller, status, _headers, socket) {
      replica.inFlight -= 1
      events.onUpgrade()
      joinSockets(call, status, responseHeaders((controller as Controller).rawHeaders, call, 0), socket)
    },
    onResponseError(_controller, err) {
      replica.inFlight -= 1
      if (!events.isOver()) events.onFailure(err, isSent)
    }
  }
}
