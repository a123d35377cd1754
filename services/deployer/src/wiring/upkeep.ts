import { createTrafficReader } from '@slipway/queue'
import { createAskBuilders } from '../ask-builders.ts'
import { type CleanUp, createCleanUp } from '../clean-up.ts'
import { keepRules } from '../config.ts'
import { createRecovery } from '../recovery.ts'
import type { Scaling } from '../scaling/scaling.ts'
import { createSecretUpkeep } from '../secrets/upkeep.ts'
import { createStrays } from '../strays.ts'
import { createTrafficRecorder } from '../traffic.ts'
import type { Ground } from './ground.ts'

/** Holds what there is against what there should be, and keeps neither more nor less of it than is wanted. */
export function startUpkeep(ground: Ground, routes: { scaling: Scaling; routesChanged(): void }): CleanUp {
  const { config, store, signals, cluster, registry, queue, onRedisError } = ground
  const { isLeader, now, monotonicNow, logger, keep, lead, hear } = ground
  const recovery = createRecovery({
    store,
    cluster,
    isScaled: routes.scaling.isUnderWay,
    routesChanged: routes.routesChanged,
    isLeader,
    periodMs: 10_000,
    now,
    monotonicNow,
    logger
  })
  lead('recovery', recovery)
  lead('strays', createStrays({ store, cluster, isLeader, periodMs: 30_000, logger }))
  // One that waited for another try ended at once: what it had started is taken away.
  hear('cancels', 'cancel', () => recovery.wake())

  const cleanUp = createCleanUp({
    store,
    registry,
    collectLayers: ground.collectLayers ?? null,
    askBuilders: createAskBuilders(signals),
    keep: keepRules(config),
    isLeader,
    periodMs: config.CLEAN_UP_PERIOD_MINUTES * 60_000,
    now,
    logger
  })
  keep('clean-up', cleanUp)
  keep('secret upkeep', createSecretUpkeep({ secrets: store.secrets, isLeader, now, logger }))
  const reader = createTrafficReader(queue, onRedisError)
  keep('traffic reader', reader)
  keep('traffic', createTrafficRecorder({ traffic: store.traffic, reader, isLeader, periodMs: 2000, logger }))
  return cleanUp
}
