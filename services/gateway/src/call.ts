import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { CallFacts } from './headers.ts'
import type { InnerCaller } from './inner.ts'
import type { Upstream } from './upstream.ts'

/** One request to one function. */
export interface Call extends CallFacts {
  req: IncomingMessage
  res: ServerResponse
  upstream: Upstream
  /** Path and query for the function. */
  target: string
  /** Of `performance.now()`. */
  begin: number
  /** The caller waits for `100 Continue` before it sends its body. */
  isExpecting: boolean
  /** Set for a WebSocket handshake. */
  upgrade: { socket: Duplex; head: Buffer } | null
  /** Set when it comes from inside of an owner's network. */
  inner: InnerCaller | null
}

/** A request as it came. */
export type Incoming = Pick<Call, 'req' | 'res' | 'isExpecting' | 'upgrade' | 'inner'>

/** True when a body follows the request's head. */
export function hasBody(req: IncomingMessage): boolean {
  const length = req.headers['content-length']
  return req.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

/** What was answered, once the response has closed; 499: the caller left before. A WebSocket's response is never finished. */
export function statusOf({ res, upgrade }: Pick<Incoming, 'res' | 'upgrade'>): number {
  return res.writableFinished || upgrade !== null ? res.statusCode : 499
}
