import type { Settings } from '@slipway/domain'
import { createLoop, type Logger } from '@slipway/service'

/** Of several deployers one does what must not be done twice at a time. */
export interface Leadership {
  /** False as well when the store could not be asked in time. */
  isLeader(): boolean
  close(): Promise<void>
}

/** A leader that was killed is followed after so long. */
const leaseMs = 4000

/**
 * Tries at once and then every second. What leaders do is idempotent or compared and set all the same:
 * a lease that runs out in the middle of something does no harm.
 */
export async function createLeadership(
  settings: Pick<Settings, 'lease'>,
  holder: string,
  now: () => number,
  /** Milliseconds of a clock that nobody sets. */
  monotonicNow: () => number,
  logger: Logger,
  /** There is work to be looked for. */
  onGained: () => void
): Promise<Leadership> {
  let leadsUntil = 0
  async function renew(): Promise<void> {
    const askedAt = monotonicNow()
    const wasLeader = askedAt < leadsUntil
    leadsUntil = (await settings.lease('deployer', holder, leaseMs, now())) ? askedAt + leaseMs : 0
    if (!wasLeader && leadsUntil > 0) onGained()
  }
  await renew()
  const loop = createLoop('leadership', 1000, renew, logger)
  return {
    isLeader: () => monotonicNow() < leadsUntil,
    async close() {
      await loop.close()
      if (monotonicNow() >= leadsUntil) return
      leadsUntil = 0
      // Ends at once, so that the next one need not wait.
      await settings.lease('deployer', holder, 0, now())
    }
  }
}
