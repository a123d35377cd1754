import { type Cluster, type Deployment, isTerminal, type Store } from '@slipway/domain'
import { createLoop, type Logger, type Loop } from '@slipway/service'

export interface RecoveryDeps {
  store: Pick<Store, 'deployments' | 'builds'>
  cluster: Pick<Cluster, 'list' | 'apply' | 'remove'>
  /** Live deployments answer elsewhere than before. */
  routesChanged(): void
  isLeader(): boolean
  periodMs: number
  now: () => number
  logger: Logger
}

/**
 * Holds the cluster against the store, at start and then now and then: what is live must run (after a reboot nothing does),
 * and what a roll-out left behind when its process was killed is taken away. What the store does not know is never touched.
 */
export function createRecovery({ store, cluster, routesChanged, isLeader, periodMs, now, logger }: RecoveryDeps): Loop {
  async function bringBack({ id: deploymentId, clusterName }: Deployment, signal: AbortSignal): Promise<void> {
    // It may have been scaled since the round began.
    const deployment = await store.deployments.get(deploymentId)
    if (deployment?.status !== 'live') return
    logger.warn(
      { deploymentId, function: clusterName },
      'a live deployment does not run as it should, it is brought back'
    )
    const endpoints = await cluster.apply(deployment, signal)
    const current = await store.deployments.get(deploymentId)
    if (current?.status !== 'live' || current.replicas !== deployment.replicas) return
    await store.deployments.setEndpoints(deploymentId, endpoints, deployment.replicas)
    routesChanged()
    logger.info({ deploymentId, function: clusterName }, 'it runs again')
  }

  async function takeAway(deployment: Deployment, signal: AbortSignal): Promise<void> {
    await cluster.remove(deployment.id, 0, signal)
    await store.deployments.end(deployment.id, 'ended', 'its build ended', now())
  }

  async function isAbandoned(deployment: Deployment): Promise<boolean> {
    if (deployment.status !== 'starting' || deployment.buildId === null) return false
    const build = await store.builds.get(deployment.buildId)
    return build === null || isTerminal(build.status)
  }

  return createLoop(
    'recovery',
    periodMs,
    async (signal) => {
      if (!isLeader()) return
      const running = await store.deployments.running()
      const objects = new Map((await cluster.list(signal)).map((object) => [object.deploymentId, object]))
      const work = running.map(async (deployment) => {
        if (await isAbandoned(deployment)) return takeAway(deployment, signal)
        const object = objects.get(deployment.id)
        if (deployment.status !== 'live') return
        const isWhole =
          object !== undefined && object.availableReplicas >= deployment.replicas && isSame(object, deployment)
        if (!isWhole) await bringBack(deployment, signal)
      })
      const failed = (await Promise.allSettled(work)).filter((result) => result.status === 'rejected')
      for (const { reason } of failed)
        logger.error({ err: reason as unknown }, 'a deployment could not be repaired, it is tried again')
    },
    logger
  )
}

function isSame(object: { endpoints: Deployment['endpoints'] }, deployment: Deployment): boolean {
  const key = (endpoints: Deployment['endpoints']) =>
    endpoints
      .map(({ host, port }) => `${host}:${port}`)
      .sort()
      .join()
  return key(object.endpoints) === key(deployment.endpoints)
}
