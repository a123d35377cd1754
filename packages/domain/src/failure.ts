/**
 * Whose fault a failure is. `theirs`: the repository's or the caller's, retrying changes nothing (build status `failed`).
 * `ours`: the engine, the registry, the network or a bug (build status `error`, after the retries).
 */
export type Fault = 'theirs' | 'ours'

interface FailureRow {
  readonly status: number
  readonly retry: boolean
  readonly fault: Fault
}

/** Every failure that the system can name. One row decides the HTTP answer, the retry and the blame. */
export const failures = {
  // what a caller sent
  'invalid-signature': { status: 401, retry: false, fault: 'theirs' },
  'invalid-payload': { status: 400, retry: false, fault: 'theirs' },
  'invalid-request': { status: 400, retry: false, fault: 'theirs' },
  'payload-too-large': { status: 413, retry: false, fault: 'theirs' },
  'request-timeout': { status: 408, retry: false, fault: 'theirs' },
  'unsupported-media-type': { status: 415, retry: false, fault: 'theirs' },
  unauthenticated: { status: 401, retry: false, fault: 'theirs' },
  forbidden: { status: 403, retry: false, fault: 'theirs' },
  'not-found': { status: 404, retry: false, fault: 'theirs' },
  conflict: { status: 409, retry: false, fault: 'theirs' },
  'name-taken': { status: 409, retry: false, fault: 'theirs' },
  'loop-detected': { status: 508, retry: false, fault: 'theirs' },
  'too-many-requests': { status: 429, retry: true, fault: 'theirs' },
  // what a repository holds
  'invalid-stack': { status: 422, retry: false, fault: 'theirs' },
  'unsafe-path': { status: 422, retry: false, fault: 'theirs' },
  'limit-exceeded': { status: 422, retry: false, fault: 'theirs' },
  unsupported: { status: 422, retry: false, fault: 'theirs' },
  'commit-not-found': { status: 422, retry: false, fault: 'theirs' },
  'build-failed': { status: 422, retry: false, fault: 'theirs' },
  'timed-out': { status: 422, retry: false, fault: 'theirs' },
  'not-ready': { status: 422, retry: false, fault: 'theirs' },
  'image-missing': { status: 409, retry: false, fault: 'theirs' },
  // how a build's life may end from outside
  cancelled: { status: 409, retry: false, fault: 'theirs' },
  superseded: { status: 409, retry: false, fault: 'theirs' },
  // ours
  'head-unsettled': { status: 503, retry: true, fault: 'ours' },
  'rate-limited': { status: 503, retry: true, fault: 'ours' },
  unavailable: { status: 503, retry: true, fault: 'ours' },
  'disk-full': { status: 507, retry: true, fault: 'ours' },
  'lease-lost': { status: 503, retry: true, fault: 'ours' },
  'bad-gateway': { status: 502, retry: true, fault: 'ours' },
  'gateway-timeout': { status: 504, retry: true, fault: 'ours' },
  'invalid-transition': { status: 500, retry: false, fault: 'ours' },
  'invalid-configuration': { status: 500, retry: false, fault: 'ours' }
} as const satisfies Record<string, FailureRow>

export type FailureCode = keyof typeof failures

/** Where in a repository a failure was found. `line` and `column` count from 1. */
export interface SourceLocation {
  /** Path within the repository, with `/`. */
  path: string
  line: number
  column: number
}

export interface FailureOptions extends ErrorOptions {
  location?: SourceLocation
  /** When the other side said when to come back. Milliseconds from now. */
  retryAfterMs?: number
}

/**
 * An error that the system foresaw. The message says what happened and what to do, in words for the person who can mend it,
 * and never holds a secret. Anything that is thrown and is not a Failure is a bug: logged with its stack, answered 500, retried.
 */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: FailureCode
  readonly location: SourceLocation | undefined
  readonly retryAfterMs: number | undefined

  constructor(code: FailureCode, message: string, options: FailureOptions = {}) {
    super(message, options)
    this.code = code
    this.location = options.location
    this.retryAfterMs = options.retryAfterMs
  }

  get statusCode(): number {
    return failures[this.code].status
  }

  get retry(): boolean {
    return failures[this.code].retry
  }

  get fault(): Fault {
    return failures[this.code].fault
  }
}

/** What may take only so long, and the setting that says how long. */
export interface StepLimit {
  /** What is done, as the beginning of a sentence: `pushing the image`. */
  what: string
  ms: number
  setting: string
}

/** A step took longer than it may. Ours is tried again, theirs ends the build. */
export function overLimit({ what, ms, setting }: StepLimit, fault: Fault, options: FailureOptions = {}): Failure {
  const words = `${what} took longer than ${Math.round(ms / 100) / 10} s, the limit that ${setting} sets`
  return new Failure(fault === 'ours' ? 'unavailable' : 'timed-out', words, options)
}
