import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CleanUpReport, joinReports } from '@slipway/domain'
import type { Signals } from '@slipway/queue'

/** A builder that is there says at once that it begins. */
const beginMs = 1000
const limitMs = 5 * 60_000

/** Has every builder clean up on its machine, and waits for those that have said that they begin. */
export function createAskBuilders(signals: Pick<Signals, 'send' | 'listen'>) {
  return async function askBuilders(signal: AbortSignal): Promise<CleanUpReport> {
    const runId = randomUUID()
    const answers = new Map<string, CleanUpReport | null>()
    const changed = { notify: () => {} }
    const unlisten = signals.listen('cleaned', ({ runId: id, builder, report }) => {
      if (id !== runId) return
      answers.set(builder, report === '' ? null : (JSON.parse(report) as CleanUpReport))
      changed.notify()
    })
    const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)])
    try {
      // Redis takes a moment to begin listening.
      await sleep(100, undefined, { signal })
      signals.send('clean', { runId })
      await sleep(beginMs, undefined, { signal })
      while ([...answers.values()].includes(null) && !limit.aborted) {
        await new Promise<void>((resolve) => {
          changed.notify = resolve
          limit.addEventListener('abort', () => resolve(), { once: true })
        })
      }
      signal.throwIfAborted()
      const silent = [...answers.values()].filter((report) => report === null).length
      const problems = silent === 0 ? [] : [`${silent} builders did not say within 5 minutes what they cleaned up`]
      return joinReports([...answers.values()].filter((report) => report !== null).concat({ removed: [], problems }))
    } finally {
      unlisten()
    }
  }
}
