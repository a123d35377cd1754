import { Failure } from '@slipway/domain/failure'
import type { Call } from './call.ts'
import type { Upstream } from './upstream.ts'

/** What the gateway says when a function does not answer. It names the function, never where it runs. */

export function noReplicas({ upstream }: Call): Failure {
  return new Failure('unavailable', `function ${upstream.label} has no running replica: try again soon`, {
    retryAfterMs: 1000
  })
}

export function notStarted({ label }: Upstream): Failure {
  const message = `function ${label} had no replica, and none could be started: its owner sees why in its log`
  return new Failure('unavailable', message, { retryAfterMs: 5000 })
}

export function startedTooSlowly({ label }: Upstream, timeoutMs: number): Failure {
  const message = `function ${label} had no replica, and none was ready after ${timeoutMs / 1000} s: try again soon`
  return new Failure('unavailable', message, { retryAfterMs: 5000 })
}

export function tooManyCalls(label: string, limit: number): Failure {
  return new Failure('too-many-requests', `function ${label} has ${limit} calls in flight: try again soon`, {
    retryAfterMs: 1000
  })
}

export function tooManyBodies(): Failure {
  const message =
    'more bodies are being sent than are held here at a time, and this one came the slowest: try again later'
  return new Failure('too-many-requests', message, { retryAfterMs: 10_000 })
}

export function tooManyOfCaller(perSecond: number, retryAfterMs: number): Failure {
  const message = `more than the ${perSecond} calls a second that one address may make to functions of this owner`
  return new Failure('too-many-requests', message, { retryAfterMs })
}

export function tooDeep(limit: number): Failure {
  return new Failure('loop-detected', `the call went through ${limit} functions: one of them calls back in a circle`)
}

export function unreachable({ upstream }: Call, cause: Error): Failure {
  return new Failure('bad-gateway', `function ${upstream.label} could not be reached: no replica accepts connections`, {
    cause
  })
}

export function brokenOff({ upstream }: Call, cause: Error): Failure {
  const code = 'code' in cause ? cause.code : undefined
  if (isUnsendable(cause)) {
    return new Failure('invalid-request', 'the request cannot be passed on: its head is malformed', { cause })
  }
  const what = code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE'
  return new Failure(
    'bad-gateway',
    what
      ? `function ${upstream.label} closed the connection before it had answered`
      : `function ${upstream.label} answered something that cannot be passed on`,
    { cause }
  )
}

/** No replica would take it: the request itself cannot be written. */
export function isUnsendable(err: Error): boolean {
  return 'code' in err && (err.code === 'UND_ERR_INVALID_ARG' || err.code === 'UND_ERR_NOT_SUPPORTED')
}

export function timedOut({ upstream }: Call): Failure {
  return new Failure(
    'gateway-timeout',
    `function ${upstream.label} had not answered after ${upstream.writeTimeoutMs} ms, its write_timeout`
  )
}

export function bodyTooSlow({ upstream }: Call): Failure {
  return new Failure('request-timeout', `the request body had not arrived after ${upstream.writeTimeoutMs} ms`)
}

export function bodyTooLarge(limitBytes: number): Failure {
  return new Failure(
    'payload-too-large',
    `the request body is larger than ${limitBytes} bytes, which is the limit here`
  )
}

export function notLoaded(): Failure {
  return new Failure('unavailable', 'the gateway does not know its routes yet: the store does not answer', {
    retryAfterMs: 1000
  })
}
