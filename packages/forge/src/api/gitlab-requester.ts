import type { RequestOptions } from '@gitbeaker/requester-utils'
import type { ForgeInstance } from '@slipway/domain'
import type { Allowance } from './allowance.ts'
import { failureOf, noAnswer, tooSlow } from './answer.ts'
import type { KeptAnswers } from './conditional.ts'
import type { LastError } from './last-error.ts'
import type { CallAnswer, CallFetch } from './lean-fetch.ts'

export interface RequesterConfig {
  instance: ForgeInstance
  fetch: CallFetch
  timeoutMs: number
  now: () => number
  allowance: Allowance
  lastError?: LastError
}

/** The key under which GitLab's one allowance is noted: it counts per account. */
export const gitLabAccount = 'account'

/**
 * How @gitbeaker's calls reach GitLab. Its own way tries ten times within a quarter of a second when the rate is limited, without
 * looking at `Retry-After`, and takes no AbortSignal; the queue does the retrying here.
 *
 * @param kept makes the calls conditional, and answers a 304.
 * @returns what @gitbeaker takes as `requesterFn`, bound to one signal.
 */
export async function createRequester(
  { instance, fetch, timeoutMs, now, allowance, lastError }: RequesterConfig,
  signal: AbortSignal,
  kept: KeptAnswers | null = null
) {
  const { createRequesterFn } = await import('@gitbeaker/requester-utils')
  return createRequesterFn(
    (_resource, options) => Promise.resolve(options),
    (endpoint, given) => {
      const answer = ask(endpoint, given)
      return lastError === undefined ? answer : lastError.noting(answer)
    }
  )

  async function ask(endpoint: string, options: RequestOptions | undefined) {
    signal.throwIfAborted()
    const path = pathOf(endpoint, options)
    const url = new URL(`${instance.apiUrl}/${path}`)
    url.search = options?.searchParams ?? ''
    const method = options?.method ?? 'GET'
    const call = `${method} ${path}`
    const timeout = AbortSignal.timeout(timeoutMs)
    let response: CallAnswer
    let body: unknown
    try {
      response = await fetch(url, {
        method,
        headers: { ...options?.headers, ...kept?.condition(call) },
        body: typeof options?.body === 'string' ? options.body : null,
        // the token goes to no other address
        redirect: 'error',
        signal: AbortSignal.any([signal, timeout])
      })
      body = response.status === 304 ? null : await decode(response)
    } catch (err) {
      signal.throwIfAborted()
      if (timeout.aborted) throw tooSlow('GitLab', call, timeoutMs, err)
      throw noAnswer('GitLab', call, err)
    }
    allowance.note(gitLabAccount, response.headers)
    const isUnchanged = kept !== null && response.status === 304
    if (isUnchanged) body = kept.answer(call)
    if (response.ok || isUnchanged) {
      if (response.ok) kept?.keep(call, response.headers.get('etag'), body)
      return {
        body: body as Record<string, unknown>,
        headers: Object.fromEntries(response.headers),
        status: isUnchanged ? 200 : response.status
      }
    }
    throw failureOf({ forge: 'GitLab', call, status: response.status, headers: response.headers, body }, now())
  }
}

/** Some of @gitbeaker's resources have the beginning of the path in the address of the API that they make for themselves. */
function pathOf(endpoint: string, options: RequestOptions | undefined): string {
  const below = /\/api\/v4\/(.+)$/.exec(options?.prefixUrl ?? '')?.[1]
  return below === undefined ? endpoint : `${below}/${endpoint}`
}

async function decode(response: CallAnswer): Promise<unknown> {
  const text = await response.text()
  return response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text
}
