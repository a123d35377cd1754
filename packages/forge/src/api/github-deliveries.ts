import { Failure, type ForgeApi, type MissedDelivery } from '@slipway/domain'
import Type, { type Static } from 'typebox'
import { createGitHubReader } from '../webhooks/github-events.ts'
import { readAnswer } from './answer.ts'
import type { GitHubApp } from './github-app.ts'

/** An id beyond 2^53 comes as text, see `parseExactly`. */
const DeliveryId = Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^[0-9]{1,20}$' })])
const DeliveriesAnswer = Type.Array(
  Type.Object({
    id: DeliveryId,
    guid: Type.String({ pattern: '^[A-Za-z0-9._:-]{1,128}$' }),
    delivered_at: Type.String(),
    status_code: Type.Integer(),
    event: Type.String({ pattern: '^[a-z0-9_]{1,64}$' })
  })
)
const DeliveryAnswer = Type.Object({
  guid: Type.String(),
  event: Type.String(),
  request: Type.Object({ payload: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]) })
})

const listRoute = 'GET /app/hook/deliveries'
const oneRoute = 'GET /app/hook/deliveries/{delivery_id}'
const pageSize = 100
/** GitHub keeps them for three days; a list without an end is no list. */
const pageLimit = 200

type MissedDeliveries = Pick<ForgeApi, 'missedDeliveries' | 'fetchDelivery'>

/** Deliveries of the App's webhook that did not arrive: GitHub tries none of them again by itself. */
export function createMissedDeliveries(app: GitHubApp): MissedDeliveries {
  let readEvent: ReturnType<typeof createGitHubReader> | null = null

  return {
    async missedDeliveries(since, signal) {
      const missed = new Map<string, MissedDelivery>()
      let cursor: string | null = null
      for (let page = 0; page < pageLimit; page++) {
        const where = cursor === null ? {} : { cursor }
        const asked = { per_page: pageSize, status: 'failure', ...where }
        const { text, link } = await app.asAppInText(listRoute, asked, signal)
        const found: Static<typeof DeliveriesAnswer> = readAnswer(
          'GitHub',
          listRoute,
          DeliveriesAnswer,
          parseExactly(text)
        )
        for (const { id, guid, delivered_at: at, status_code: status, event } of found) {
          // Of several attempts at one delivery any will do.
          if (Date.parse(at) < since || (status >= 200 && status < 300) || missed.has(guid)) continue
          missed.set(guid, { attemptId: String(id), deliveryId: guid, eventName: event, deliveredAt: Date.parse(at) })
        }
        const last = found.at(-1)
        cursor = nextCursor(link)
        if (cursor === null || last === undefined || Date.parse(last.delivered_at) < since) break
      }
      return [...missed.values()].toReversed()
    },

    async fetchDelivery({ attemptId, deliveryId }, signal) {
      let data: unknown
      try {
        data = await app.asApp(oneRoute, { delivery_id: attemptId }, signal)
      } catch (err) {
        if (err instanceof Failure && err.code === 'not-found') return null
        throw err
      }
      const answer = readAnswer('GitHub', oneRoute, DeliveryAnswer, data)
      if (answer.guid !== deliveryId) {
        throw new Failure('unavailable', `GitHub answered with delivery ${answer.guid} instead of ${deliveryId}`)
      }
      if (answer.request.payload === null) return null
      readEvent ??= createGitHubReader()
      const event = readEvent(answer.event, answer.request.payload)
      return { deliveryId, eventName: answer.event, event }
    }
  }
}

/** Numbers that JavaScript cannot hold stay as they were written. */
function parseExactly(text: string): unknown {
  const revive = (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && Number.isInteger(value) ? context?.source : value
  try {
    return JSON.parse(text, revive)
  } catch (err) {
    throw new Failure('unavailable', "GitHub's list of deliveries is not JSON", { cause: err })
  }
}

/** The cursor of the next page, from the `Link` header (RFC 8288). */
function nextCursor(link: string): string | null {
  const url = /<([^>]+)>;\s*rel="next"/.exec(link)?.[1]
  return url === undefined ? null : new URL(url).searchParams.get('cursor')
}
