import { type Store, slotsSetting } from '@slipway/domain'
import { createClosers, createPresence, type Figure, type Running, startHealth } from '@slipway/service'
import type { DeployerConfig } from './config.ts'
import { keepGatewayPresence } from './gateway-presence.ts'
import { limitsOf } from './limits.ts'
import { startDeploys } from './wiring/deploys.ts'
import { type DeployerDeps, openGround } from './wiring/ground.ts'
import { startInternalApi } from './wiring/internal-api.ts'
import { startPushes } from './wiring/pushes.ts'
import { startScaling } from './wiring/scaling.ts'
import { startSchedules } from './wiring/schedules.ts'
import { startTelling } from './wiring/telling.ts'
import { startUpkeep } from './wiring/upkeep.ts'

export { DeployerConfig } from './config.ts'
export { installationOf } from './installation.ts'
export type { DeployerDeps } from './wiring/ground.ts'

export async function startDeployer(config: DeployerConfig, deps: DeployerDeps): Promise<Running> {
  const { store, signals, logger } = deps
  await store.limits.setDefaults(limitsOf(config))
  await store.settings.set(slotsSetting, String(config.BUILD_SLOTS))
  const closers = createClosers(logger)
  const ground = await openGround(config, deps, closers)
  const { holder, isLeader, now, keep } = ground

  const routes = startScaling(ground)
  startSchedules(ground)
  const cleanUp = startUpkeep(ground, routes)
  startTelling(ground)
  const { reconciler, dispatch } = startPushes(ground, routes)
  await startInternalApi(ground, { ...routes, cleanUp, reconciler })
  // Last, so that it is the first to stop: what it does needs all of the others.
  startDeploys(ground, { ...routes, dispatch })

  const facts = async () => ({ isLeader: isLeader() })
  const presence = createPresence({ services: store.services, kind: 'deployer', id: holder, facts, now, logger })
  keep('presence', presence)
  closers.add(
    'gateways that are there',
    keepGatewayPresence({ services: store.services, signals, isLeader, now, logger })
  )
  const health = await startHealth(config, {
    logger,
    needs: { store: () => store.ping() },
    figures: [activeBuilds(store)]
  })
  if (health !== null) keep('health', health)
  return { url: null, close: () => closers.close() }
}

/** How much there is to do: builders are added and taken away by it. */
function activeBuilds({ builds }: Pick<Store, 'builds'>): Figure {
  return {
    name: 'slipway_builds',
    help: 'Builds that have not ended, by what they wait for or go through',
    label: 'status',
    async read() {
      const { queued, building, deploying } = await builds.counts()
      return { queued, building, deploying }
    }
  }
}
