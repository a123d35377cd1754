import { Failure, type ForgeApi, type MissedDelivery, type Store } from '@slipway/domain'
import type { Loop } from '@slipway/service'
import { createRounds, type RoundsDeps } from './rounds.ts'

export interface MissedDeliveriesDeps extends Omit<RoundsDeps, 'name' | 'forgeId'> {
  store: Pick<Store, 'deliveries' | 'settings'>
  forge: ForgeApi
  installationBranch: string | null
  now: () => number
  /** Something was recorded that others wait for. */
  recorded(): void
}

/** GitHub keeps deliveries for three days. */
const keptMs = 3 * 24 * 60 * 60_000
/** An attempt that was under way when the forge was last asked may have failed since. */
const overlapMs = 10 * 60_000
/** Fetched one by one: more of them have to wait for the next round. */
const fetchLimit = 50

/**
 * Takes up what a forge could not deliver: fetches it from the forge's API and records it as the receiver would have done. Pushes are
 * found by their heads, too; of everything else (an App that was installed, a repository that was renamed) this is the only trace.
 */
export function createMissedDeliveries(deps: MissedDeliveriesDeps): Loop {
  const { store, forge, installationBranch, recorded, now, logger } = deps
  const { forgeId } = forge.instance
  const cursorKey = `missed-deliveries/${forgeId}`
  /** Attempts that cannot be read, by their ids: said once. */
  const unreadable = new Set<string>()

  async function take(missed: MissedDelivery, signal: AbortSignal): Promise<void> {
    const { deliveryId, eventName } = missed
    try {
      const delivery = await forge.fetchDelivery(missed, signal)
      if (delivery === null) {
        unreadable.add(missed.attemptId)
        return
      }
      const [result] = await store.deliveries.record([{ forgeId, delivery }], installationBranch, now())
      logger.info({ forgeId, deliveryId, event: eventName, outcome: result?.outcome }, 'a missed delivery was taken up')
      recorded()
    } catch (err) {
      if (!(err instanceof Failure) || err.code !== 'invalid-payload') throw err
      unreadable.add(missed.attemptId)
      logger.warn({ err, forgeId, deliveryId, event: eventName }, 'a missed delivery cannot be read')
    }
  }

  return createRounds({ ...deps, name: 'missed deliveries', forgeId }, async (signal) => {
    const startedAt = now()
    const cursor = Number((await store.settings.get(cursorKey)) ?? 0)
    const missed = await forge.missedDeliveries(Math.max(cursor, startedAt - keptMs), signal)
    const known = new Set(
      await store.deliveries.known(
        forgeId,
        missed.map(({ deliveryId }) => deliveryId)
      )
    )
    const open = missed.filter(({ deliveryId, attemptId }) => !known.has(deliveryId) && !unreadable.has(attemptId))
    for (const one of open.slice(0, fetchLimit)) await take(one, signal)
    if (open.length <= fetchLimit) await store.settings.set(cursorKey, String(startedAt - overlapMs))
  })
}
