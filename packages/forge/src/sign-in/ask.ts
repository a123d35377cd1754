import { Failure, type ForgeInstance } from '@slipway/domain'
import type { Static, TSchema } from 'typebox'
import { failureOf, noAnswer, readAnswer, tooSlow } from '../api/answer.ts'

export interface AskConfig {
  /** For messages: `GitHub`. */
  forge: string
  instance: ForgeInstance
  fetch?: typeof fetch
  timeoutMs: number
  now: () => number
}

export const perPage = 100
/** Of one list. Who has more has the rest unseen. */
const pageLimit = 20

/** Questions with a person's own token. */
export interface Ask {
  one<S extends TSchema>(path: string, schema: S): Promise<Static<S>>
  /** All pages of a list. @param itemsOf where in an answer the items are */
  all<S extends TSchema, T>(path: string, schema: S, itemsOf: (answer: Static<S>) => T[]): Promise<T[]>
}

/** @throws from its methods: Failure `unauthenticated` when the token is over or was taken back */
export function createAsk(config: AskConfig, accessToken: string, signal: AbortSignal): Ask {
  const { forge, instance, timeoutMs, now } = config
  const ask = config.fetch ?? globalThis.fetch

  async function one<S extends TSchema>(path: string, schema: S): Promise<Static<S>> {
    const call = `GET ${path.split('?', 1)[0]}`
    const timeout = AbortSignal.timeout(timeoutMs)
    let response: Response
    let body: unknown
    try {
      response = await ask(instance.apiUrl + path, {
        headers: { authorization: `Bearer ${accessToken}`, accept: 'application/json', 'user-agent': 'slipway' },
        // The token goes to no other address.
        redirect: 'error',
        signal: AbortSignal.any([signal, timeout])
      })
      const text = await response.text()
      body = response.headers.get('content-type')?.includes('json') === true ? JSON.parse(text) : text
    } catch (err) {
      signal.throwIfAborted()
      throw timeout.aborted ? tooSlow(forge, call, timeoutMs, err) : noAnswer(forge, call, err)
    }
    if (response.ok) return readAnswer(forge, call, schema, body)
    if (response.status === 401 && typeof body === 'object') {
      throw new Failure('unauthenticated', `${forge} takes the sign-in no more: sign in again`)
    }
    throw failureOf({ forge, call, status: response.status, headers: response.headers, body }, now())
  }

  return {
    one,
    async all(path, schema, itemsOf) {
      const items: ReturnType<typeof itemsOf> = []
      for (let page = 1; page <= pageLimit; page++) {
        const url = `${path}${path.includes('?') ? '&' : '?'}per_page=${perPage}&page=${page}`
        const found = itemsOf(await one(url, schema))
        items.push(...found)
        if (found.length < perPage) break
      }
      return items
    }
  }
}

/** Nothing where the forge forbids the question: what cannot be asked gives no right. */
export async function unlessForbidden<T>(answer: Promise<T[]>): Promise<T[]> {
  try {
    return await answer
  } catch (err) {
    if (err instanceof Failure && (err.code === 'forbidden' || err.code === 'not-found')) return []
    throw err
  }
}
