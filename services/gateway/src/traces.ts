import type { IncomingMessage } from 'node:http'
import type { Upstream } from './upstream.ts'

/** One call in a trace. */
export interface CallSpan {
  /** What the function gets as `traceparent` (W3C Trace Context): it goes on from this span. */
  readonly traceparent: string
  end(status: number): void
}

/** Where calls are told as spans. Made only where somebody takes them: without it `traceparent` is passed on as it came. */
export interface Traces {
  /** Goes on with the trace that the caller names, or begins one. */
  begin(req: IncomingMessage, upstream: Upstream, callId: string): CallSpan
  /** What was not sent yet is, if it can be. */
  close(): Promise<void>
}
