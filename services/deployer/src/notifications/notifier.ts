import { Failure, type Notification, type Sink, type Store, type StoredSink } from '@slipway/domain'
import type { Encryption } from '@slipway/secrets'
import { createLoop, type Logger, type Loop } from '@slipway/service'
import { sinkIdentity } from '../secrets/holdings.ts'
import { type Told, toldOfBuild, toldOfChange } from './messages.ts'
import type { Send, SinkAddress } from './send.ts'

export interface NotifierDeps {
  store: Pick<Store, 'notifications' | 'settings'>
  encryption: Pick<Encryption, 'decrypt'>
  send: Send
  linkOf: Parameters<typeof toldOfBuild>[1]
  isLeader(): boolean
  periodMs: number
  now: () => number
  logger: Logger
}

/** The pauses between tries: over a day in all. */
const pausesMs = [5_000, 30_000, 120_000, 600_000, 3_600_000, 6 * 3_600_000, 18 * 3_600_000]
/** Who writes to the store may have a clock of its own, and be slow. */
const overlapMs = 60_000
const seenKey = 'notifications.seen'
const atOnce = { events: 500, messages: 20 }
/** So long, what was told can be looked up. */
const keepMs = 30 * 24 * 3_600_000

/**
 * Tells of what the store says has happened. Looking again is harmless: each event is told once to each sink; a deployer that is
 * killed between telling and noting it tells it again, under the same `webhook-id`.
 */
export function createNotifier(deps: NotifierDeps): Loop {
  const { store, encryption, send, linkOf, isLeader, periodMs, now, logger } = deps
  const { notifications, settings } = store
  let savedAt = 0
  /** When what is looked at next begins; null: that is asked for. */
  let from: number | null = null

  async function collect(sinks: StoredSink[]): Promise<void> {
    const begin = now()
    from ??= Number((await settings.get(seenKey)) ?? begin) - overlapMs
    const { builds, changes, next } = await notifications.happened(from, atOnce.events)
    const told = [...builds.map((build) => toldOfBuild(build, linkOf)), ...changes.flatMap(toldOfChange)]
    const wanted = told.flatMap((one) =>
      sinks
        .filter((sink) => isFor(sink, one))
        .map(({ id }) => ({ sinkId: id, eventId: one.eventId, message: one.message }))
    )
    if (wanted.length > 0) await notifications.enqueue(wanted, begin)
    from = Math.max(from, next ?? begin - overlapMs)
    if (begin - savedAt > overlapMs / 2) {
      await settings.set(seenKey, String(from))
      await notifications.forget(begin - keepMs)
      savedAt = begin
    }
  }

  async function tell(notification: Notification, sinks: StoredSink[], signal: AbortSignal): Promise<void> {
    const sink = sinks.find(({ id }) => id === notification.sinkId)
    // Added meanwhile: the next round knows it.
    if (sink === undefined) return
    const attempts = notification.attempts + 1
    try {
      const opened = await encryption.decrypt(sink.ciphertext, sinkIdentity(sink))
      await send(sink.kind, JSON.parse(opened.toString('utf8')) as SinkAddress, notification, signal)
      await notifications.settle(notification.id, { status: 'delivered', attempts, nextAttemptAt: now(), reason: null })
    } catch (err) {
      // A stop does not count as a try.
      if (signal.aborted) return
      if (!(err instanceof Failure)) throw err
      const pauseMs = notification.message.type === 'test' ? undefined : pausesMs[attempts - 1]
      const status = pauseMs === undefined ? 'dead' : 'pending'
      logger.info({ err, sinkId: sink.id, attempts, status }, 'a notification could not be delivered')
      const nextAttemptAt = now() + (pauseMs ?? 0)
      await notifications.settle(notification.id, { status, attempts, nextAttemptAt, reason: err.message })
    }
  }

  return createLoop(
    'notifications',
    periodMs,
    async (signal) => {
      if (!isLeader()) {
        from = null
        return
      }
      const sinks = await notifications.allSinks()
      if (sinks.length === 0) {
        from = now() - overlapMs
        return
      }
      await collect(sinks)
      const due = await notifications.due(now(), atOnce.messages)
      await Promise.all(due.map((notification) => tell(notification, sinks, signal)))
    },
    logger
  )
}

function isFor(sink: Sink, { at, ownerId, topic }: Told): boolean {
  return sink.topics.includes(topic) && at >= sink.createdAt && (sink.ownerId === null || sink.ownerId === ownerId)
}
