import type { Secrets } from '@slipway/domain'
import { createLoop, type Logger, type Loop } from '@slipway/service'

export interface SecretUpkeepDeps {
  secrets: Pick<Secrets, 'collect'>
  isLeader(): boolean
  now: () => number
  logger: Logger
}

const periodMs = 3600_000
/** A version that was just made may not be referred to yet. */
const keepMs = 24 * 3600_000

/** Forgets versions of secrets that neither a set nor a deployment refers to any more. */
export function createSecretUpkeep({ secrets, isLeader, now, logger }: SecretUpkeepDeps): Loop {
  return createLoop(
    'secret upkeep',
    periodMs,
    async () => {
      if (!isLeader()) return
      const count = await secrets.collect(now() - keepMs)
      if (count > 0) logger.info({ count }, 'versions of secrets forgotten that nothing refers to')
    },
    logger
  )
}
