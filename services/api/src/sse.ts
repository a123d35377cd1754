import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

/** One server-sent event: what a reader goes on from (null: it cannot), its name unless `message`, and what becomes JSON. */
export interface Frame {
  id: string | number | null
  event?: string
  data: unknown
}

/** Keeps proxies from closing a quiet stream. */
const heartbeatMs = 15_000
const retryMs = 500

/**
 * Frames what comes as server-sent events, with a heartbeat while nothing does, and `end` at the end;
 * cut short by the signal it ends without it, and the reader comes back for the rest.
 */
export function sseOf(items: AsyncIterable<Frame>, signal: AbortSignal): Readable {
  async function* frames() {
    // The reader knows at once that it is connected, whenever the first event comes, and how soon to come back.
    yield `retry: ${retryMs}\n\n`
    const iterator = items[Symbol.asyncIterator]()
    for (let next = iterator.next(); ; ) {
      const beat = new AbortController()
      const result = await Promise.race([next, sleep(heartbeatMs, null, { signal: beat.signal }).catch(() => null)])
      beat.abort()
      if (result === null) {
        yield ': still here\n\n'
        continue
      }
      if (result.done) break
      const { id, event, data } = result.value
      const head = `${id === null ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}`
      yield `${head}data: ${JSON.stringify(data)}\n\n`
      next = iterator.next()
    }
    if (!signal.aborted) yield 'event: end\ndata: {}\n\n'
  }
  return Readable.from(frames())
}
