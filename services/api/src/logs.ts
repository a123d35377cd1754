import { isTerminal, type LogChunk, type Store } from '@slipway/domain'
import type { Signals } from '@slipway/queue'

/** A log of an ended build may still get its last lines for so long. */
const settleMs = 500
const pollMs = 500
const batch = 500

/**
 * The chunks of a build's log after `after`; with `follow` until the build has ended and said its last word.
 * Woken by signals, and looks by itself in case one was lost.
 */
export async function* readLog(
  {
    store,
    signals,
    now
  }: {
    store: { logs: Pick<Store['logs'], 'read'>; builds: Pick<Store['builds'], 'get'> }
    signals: Pick<Signals, 'listen'>
    now: () => number
  },
  buildId: string,
  { after, follow }: { after: number; follow: boolean },
  signal: AbortSignal
): AsyncIterable<LogChunk> {
  let wake: (() => void) | null = null
  let isWoken = false
  const unlisten = signals.listen('log', (grown) => {
    if (grown.buildId !== buildId) return
    isWoken = true
    wake?.()
  })
  const pause = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(done, pollMs)
      signal.addEventListener('abort', done, { once: true })
      function done() {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        wake = null
        resolve()
      }
      wake = done
    })
  try {
    for (let offset = after; !signal.aborted; ) {
      isWoken = false
      const build = await store.builds.get(buildId)
      const chunks = await store.logs.read(buildId, offset, batch)
      for (const chunk of chunks) {
        yield chunk
        offset = chunk.seq
      }
      if (chunks.length === batch) continue
      if (!follow || build === null) return
      if (isTerminal(build.status) && now() - (build.finishedAt ?? 0) > settleMs) return
      // One that aborted while the store was read tells nobody any more.
      if (!isWoken && !signal.aborted) await pause()
    }
  } finally {
    unlisten()
  }
}
