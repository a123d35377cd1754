import { createProducer } from '@slipway/queue'
import { createDispatcher } from '../dispatcher.ts'
import { createEvents } from '../events.ts'
import { modeFor } from '../forges/connect.ts'
import { createReconciler, type Reconciler } from '../reconciler.ts'
import type { Ground } from './ground.ts'

/** From what forges say, and from their heads where they say nothing, to builds in the queue. */
export function startPushes(
  ground: Ground,
  { routesChanged }: { routesChanged(): void }
): { reconciler: Reconciler; dispatch(): void } {
  const { config, store, signals, addresses, forges, queue, onRedisError } = ground
  const { isLeader, now, monotonicNow, logger, closers, lead, hear } = ground
  const { followed } = forges
  const installationBranch = config.BUILD_BRANCH ?? null
  const producers = {
    build: createProducer('build', queue, onRedisError),
    deploy: createProducer('deploy', queue, onRedisError)
  }
  closers.add('producers', async () => {
    await Promise.all([producers.build.close(), producers.deploy.close()])
  })
  const limits = { slots: config.BUILD_SLOTS, perOwner: config.BUILD_SLOTS_PER_OWNER, redispatchMs: config.LEASE_MS }
  const dispatcher = createDispatcher({ builds: store.builds, isLeader, producers, limits, now, logger })
  lead('dispatcher', dispatcher)
  hear('waking', 'builds', () => dispatcher.wake())

  const reconciler = createReconciler({
    store,
    forges: followed.forges,
    installationBranch,
    isPolled: ({ instance: { forgeId, baseUrl } }) =>
      modeFor(addresses, baseUrl, followed.app(forgeId)).mode === 'polling',
    headsEveryMs: config.HEADS_EVERY_MS,
    removalGraceMs: config.REMOVAL_GRACE_MS,
    isLeader,
    queued: () => {
      dispatcher.wake()
      events.wake()
    },
    routesChanged,
    stop: (buildId) => signals.send('cancel', { buildId }),
    now,
    monotonicNow,
    logger
  })
  lead('reconciler', reconciler.loop)
  hear('overtaking', 'builds', () => reconciler.overrides.wake())
  followed.onChange(() => reconciler.follow())

  const events = createEvents({
    store,
    forges: followed.forges,
    connections: reconciler.connections,
    installationBranch,
    isLeader,
    queued: () => dispatcher.wake(),
    now,
    monotonicNow,
    logger
  })
  lead('events', events)
  hear('hearing', 'events', () => events.wake())
  // A push of a repository that is not known yet waits for its owner to be looked up.
  hear('finding', 'builds', () => events.wake())
  return { reconciler, dispatch: () => dispatcher.wake() }
}
