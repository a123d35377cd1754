import type { RequestOptions } from '@gitbeaker/requester-utils'
import type { ForgeInstance } from '@slipway/domain'
import { failureOf, noAnswer } from './answer.ts'

export interface RequesterConfig {
  instance: ForgeInstance
  fetch: typeof fetch
  timeoutMs: number
  now: () => number
}

/**
 * How @gitbeaker's calls reach GitLab. Its own way tries ten times within a quarter of a second when the rate is limited, without
 * looking at `Retry-After`, and takes no AbortSignal; the queue does the retrying here.
 *
 * @returns what @gitbeaker takes as `requesterFn`, bound to one signal.
 */
export async function createRequester({ instance, fetch, timeoutMs, now }: RequesterConfig, signal: AbortSignal) {
  const { createRequesterFn } = await import('@gitbeaker/requester-utils')
  return createRequesterFn(
    (_resource, options) => Promise.resolve(options),
    async (endpoint, given) => {
      const options = given as RequestOptions | undefined
      signal.throwIfAborted()
      const url = new URL(`${instance.apiUrl}/${endpoint}`)
      url.search = options?.searchParams ?? ''
      const method = options?.method ?? 'GET'
      const call = `${method} ${endpoint}`
      let response: Response
      let body: unknown
      try {
        response = await fetch(url, {
          method,
          headers: options?.headers ?? {},
          body: typeof options?.body === 'string' ? options.body : null,
          // the token goes to no other address
          redirect: 'error',
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
        })
        body = await decode(response)
      } catch (err) {
        signal.throwIfAborted()
        throw noAnswer('GitLab', call, err)
      }
      if (response.ok) {
        return {
          body: body as Record<string, unknown>,
          headers: Object.fromEntries(response.headers),
          status: response.status
        }
      }
      throw failureOf({ forge: 'GitLab', call, status: response.status, headers: response.headers, body }, now())
    }
  )
}

async function decode(response: Response): Promise<unknown> {
  const text = await response.text()
  return response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text
}
