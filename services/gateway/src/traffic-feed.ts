import { minuteMs, type TrafficBatch } from '@slipway/domain/traffic'
import type { TrafficSender } from '@slipway/queue/traffic'
import type { Logger } from '@slipway/service/logger'
import type { Tally } from './tally.ts'

export interface TrafficFeed {
  /** Hands over what is left, as far as that is quickly done. */
  close(): Promise<void>
}

export interface TrafficFeedDeps {
  tally: Tally
  sender: Pick<TrafficSender, 'send'>
  /** Of this life of the gateway. */
  gatewayId: string
  now: () => number
  logger: Logger
  /** Whole parts of a minute: what is taken at a time belongs to one. */
  periodMs?: number
}

/** Kept while Redis is away: an hour. Beyond, the oldest go. */
const mostPending = 720
const lastWordsMs = 1000

/**
 * Hands on what was counted, every five seconds. One batch at a time, each until it is taken, with a number:
 * so nothing is counted twice, and nothing is lost but what a killed gateway had not handed on.
 */
export function createTrafficFeed(deps: TrafficFeedDeps): TrafficFeed {
  const { tally, sender, gatewayId, now, logger, periodMs = 5000 } = deps
  const pending: TrafficBatch[] = []
  let number = 0
  let windowAt = now()
  let sending: Promise<void> | null = null
  let isAway = false
  let timer = arm()

  function arm(): NodeJS.Timeout {
    return setTimeout(
      () => {
        takeWindow()
        timer = arm()
      },
      periodMs - (now() % periodMs)
    )
  }

  function takeWindow(): void {
    const parts = tally.take(windowAt - (windowAt % minuteMs))
    windowAt = now()
    if (parts.length > 0) {
      number += 1
      pending.push({ sender: gatewayId, number, parts })
    }
    if (pending.length > mostPending) pending.shift()
    sending ??= sendAll().finally(() => {
      sending = null
    })
  }

  async function sendAll(): Promise<void> {
    try {
      for (let batch = pending[0]; batch !== undefined; batch = pending[0]) {
        await sender.send(batch)
        // A full queue may have dropped it meanwhile.
        if (pending[0] === batch) pending.shift()
      }
      isAway = false
    } catch (err) {
      // Told once, not every few seconds.
      if (!isAway) logger.warn({ err, pending: pending.length }, 'what was counted waits: Redis does not take it')
      isAway = true
    }
  }

  return {
    async close() {
      clearTimeout(timer)
      await sending
      takeWindow()
      const { promise, resolve } = Promise.withResolvers<void>()
      const limit = setTimeout(resolve, lastWordsMs)
      await Promise.race([sending, promise])
      clearTimeout(limit)
    }
  }
}
