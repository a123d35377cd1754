import { Failure, type FailureOptions, overLimit } from '@slipway/domain'
import Type, { type Static, type TSchema } from 'typebox'
import Value from 'typebox/value'

/** As a `Response` has them, or by their names in small letters. */
export type AnswerHeaders = { get(name: string): string | null } | Record<string, string | number | undefined>

/** Not by `instanceof Headers`: naming it would load Node's `fetch`. */
export function headerOf(headers: AnswerHeaders, name: string): string | number | null {
  return typeof headers.get === 'function' ? headers.get(name) : ((headers as Record<string, string>)[name] ?? null)
}

/** What a forge answered when it did not do what was asked. */
export interface Refusal {
  /** For messages: `GitHub`, `GitLab`. */
  forge: string
  /** For messages: method and route. */
  call: string
  status: number
  headers: AnswerHeaders
  /** The decoded body; its `message` or `error` is quoted. */
  body: unknown
}

/** How long one call to a forge may take, unless configured. */
export const defaultTimeoutMs = 10_000

const longestRetryMs = 60 * 60_000

/** A forge's numeric id. */
export const ForgeId = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })

/** Translates a forge's refusal. A 404 counts as an answer only when it is the forge's own, not that of a proxy before it. */
export function failureOf(refusal: Refusal, now: number, cause?: unknown): Failure {
  const { forge, call, status } = refusal
  const said = messageOf(refusal.body)
  const quoted = said === null ? '' : `: ${said}`
  const options: FailureOptions = { cause }
  const retryAfterMs = retryAfterOf(refusal, now)
  if (retryAfterMs !== null) options.retryAfterMs = retryAfterMs
  if (status === 429 || (status === 403 && (retryAfterMs !== null || /rate limit|abuse/i.test(said ?? '')))) {
    return new Failure('rate-limited', `${forge} limits the rate of calls`, { retryAfterMs: 60_000, ...options })
  }
  if (status === 401) {
    return new Failure('invalid-configuration', `${forge} refused the credentials${quoted}: check them`, options)
  }
  if (status === 403 || status === 451) return new Failure('forbidden', `${forge} forbids ${call}${quoted}`, options)
  if (status === 404 && said !== null)
    return new Failure('not-found', `${forge} finds nothing: ${call}${quoted}`, options)
  if (status === 409) return new Failure('unavailable', `${forge} was busy: ${call}${quoted}`, options)
  if (status === 400 || status === 422) {
    return new Failure('invalid-request', `${forge} did not take ${call}${quoted}`, options)
  }
  return new Failure('unavailable', `${forge} answered ${status} to ${call}${quoted}`, options)
}

/** No answer at all, or none that can be read. */
export function noAnswer(forge: string, call: string, cause: unknown): Failure {
  return new Failure('unavailable', `${forge} gave no answer to ${call}`, { cause })
}

/** No answer in time. */
export function tooSlow(forge: string, call: string, ms: number, cause: unknown): Failure {
  return overLimit({ what: `${forge}: ${call}`, ms, setting: 'FORGE_TIMEOUT_MS' }, 'ours', { cause })
}

/** The used fields of an answer. @throws Failure `unavailable` when it is not what the forge's documentation says. */
export function readAnswer<S extends TSchema>(forge: string, call: string, schema: S, body: unknown): Static<S> {
  if (Value.Check(schema, body)) return body
  const [problem] = Value.Errors(schema, body)
  const where = problem === undefined ? '' : `: ${problem.instancePath || 'it'} ${problem.message}`
  throw new Failure('unavailable', `${forge}'s answer to ${call} was not understood${where}`)
}

/** null for "the forge says that it is not there". */
export async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (err) {
    if (err instanceof Failure && err.code === 'not-found') return null
    throw err
  }
}

/** GitHub: `message`. GitLab: `message` or `error`, a text or an object of texts. */
function messageOf(body: unknown): string | null {
  if (typeof body !== 'object' || body === null) return null
  const { message, error } = body as { message?: unknown; error?: unknown }
  const said = message ?? error
  if (said === undefined || said === null) return null
  return (typeof said === 'string' ? said : JSON.stringify(said)).slice(0, 300)
}

function bounded(ms: number): number {
  return Math.min(Math.max(Math.ceil(ms), 1000), longestRetryMs)
}

/** `Retry-After` in seconds or as a date, else the reset time of a used-up allowance (GitHub and GitLab name it differently). */
function retryAfterOf({ headers }: Refusal, now: number): number | null {
  const get = (name: string) => headerOf(headers, name)
  const after = get('retry-after')
  if (after !== null) {
    const ms = Number.isFinite(Number(after)) ? Number(after) * 1000 : Date.parse(String(after)) - now
    if (Number.isFinite(ms)) return bounded(ms)
  }
  for (const prefix of ['x-ratelimit', 'ratelimit']) {
    const reset = Number(get(`${prefix}-reset`) ?? Number.NaN)
    if (String(get(`${prefix}-remaining`)) === '0' && Number.isFinite(reset)) return bounded(reset * 1000 - now)
  }
  return null
}
