import type { Builds, Settings } from '@slipway/domain'
import type { Producer } from '@slipway/queue'
import { createLoop, type Logger, type Loop } from '@slipway/service'

export interface DispatcherDeps {
  builds: Pick<Builds, 'admit' | 'undispatch'>
  settings: Pick<Settings, 'lease'>
  producers: { build: Producer<'build'>; deploy: Producer<'deploy'> }
  limits: { slots: number; perOwner: number; redispatchMs: number }
  holder: string
  now: () => number
  logger: Logger
}

/**
 * Feeds the queue from the store: chooses what may run next and puts only that on the queue, so that BullMQ never holds more
 * than the workers can take, and a lost queue is filled again. One dispatcher at a time, by a lease.
 */
export function createDispatcher({ builds, settings, producers, limits, holder, now, logger }: DispatcherDeps): Loop {
  return createLoop(
    'dispatcher',
    500,
    async () => {
      if (!(await settings.lease('dispatcher', holder, 5000, now()))) return
      for (const { buildId, stage, dispatch } of await builds.admit(limits, now())) {
        try {
          await producers[stage].enqueue(`${buildId}-${stage}-${dispatch}`, { buildId })
          logger.info({ buildId, stage }, 'dispatched')
        } catch (err) {
          await builds.undispatch(buildId)
          throw err
        }
      }
    },
    logger
  )
}
