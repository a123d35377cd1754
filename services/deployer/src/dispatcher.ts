import type { Builds } from '@slipway/domain'
import type { Producer } from '@slipway/queue'
import { createLoop, type Logger, type Loop } from '@slipway/service'

export interface DispatcherDeps {
  builds: Pick<Builds, 'admit' | 'undispatch'>
  isLeader(): boolean
  producers: { build: Producer<'build'>; deploy: Producer<'deploy'> }
  limits: { slots: number; perOwner: number; redispatchMs: number }
  now: () => number
  logger: Logger
}

/**
 * Feeds the queue from the store: chooses what may run next and puts only that on the queue, so that BullMQ never holds more
 * than the workers can take, and a lost queue is filled again. Only the leader does it.
 */
export function createDispatcher({ builds, isLeader, producers, limits, now, logger }: DispatcherDeps): Loop {
  return createLoop(
    'dispatcher',
    500,
    async () => {
      if (!isLeader()) return
      let failure: unknown = null
      for (const { buildId, stage, dispatch } of await builds.admit(limits, now())) {
        try {
          await producers[stage].enqueue(`${buildId}-${stage}-${dispatch}`, { buildId })
          logger.info({ buildId, stage }, 'dispatched')
        } catch (err) {
          failure = err
          await builds.undispatch(buildId)
        }
      }
      if (failure !== null) throw failure
    },
    logger
  )
}
