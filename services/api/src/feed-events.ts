import { randomUUID } from 'node:crypto'
import type { Repository } from '@slipway/domain'

/** Something that happened, for those who may see it. */
export interface News {
  kind: 'build' | 'function' | 'delivery'
  ownerId: string | null
  repository: Repository | null
  buildId: string | null
  functionName: string | null
  /** Of a build or function; of a delivery its outcome. */
  status: string | null
}

/** `id` is `<run>-<number>`: numbers count within one run. */
export type FeedEvent = News & { id: string; at: number }

const kept = 2000

/** The last events, by number, and who waits for the next. */
export function createFeedEvents(now: () => number) {
  const run = randomUUID().slice(0, 8)
  const waiting = new Set<() => void>()
  let events: FeedEvent[] = []
  let last = 0
  const idOf = (number: number) => `${run}-${number}`

  return {
    lastId: () => idOf(last),
    tell(news: News): void {
      last += 1
      events.push({ ...news, id: idOf(last), at: now() })
      if (events.length > kept) events = events.slice(-kept / 2)
      for (const wake of waiting) wake()
      waiting.clear()
    },
    /** null: what came after that one is not known any more. */
    after(id: string): FeedEvent[] | null {
      const [of, text] = id.split('-')
      const number = Number(text)
      const first = last - events.length
      if (of !== run || !Number.isSafeInteger(number) || number < first || number > last) return null
      return events.slice(number - first)
    },
    /** Resolves when another event was told, or the signal says so. */
    next(signal: AbortSignal): Promise<void> {
      return new Promise((resolve) => {
        const done = () => {
          waiting.delete(done)
          signal.removeEventListener('abort', done)
          resolve()
        }
        waiting.add(done)
        signal.addEventListener('abort', done, { once: true })
      })
    }
  }
}
