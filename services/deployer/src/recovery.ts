import {
  type Cluster,
  type ClusterObject,
  type Deployment,
  endpointUrl,
  Failure,
  isTerminal,
  type Store
} from '@slipway/domain'
import { createLoop, type Logger, type Loop } from '@slipway/service'
import { createRepairs } from './repairs.ts'

export interface RecoveryDeps {
  store: Pick<Store, 'deployments' | 'builds'>
  cluster: Pick<Cluster, 'list' | 'apply' | 'remove'>
  /** Somebody else is changing how many replicas it has. */
  isScaled(deploymentId: string): boolean
  /** Live deployments answer elsewhere than before. */
  routesChanged(): void
  isLeader(): boolean
  periodMs: number
  now: () => number
  /** Milliseconds of a clock that nobody sets. */
  monotonicNow: () => number
  logger: Logger
}

/** After a reboot everything has to be started; an engine is not made faster by being asked for all of it at once. */
const slots = 8

/**
 * Holds the cluster against the store, at start and then now and then: what is live must run (after a reboot nothing does),
 * and what a roll-out left behind when its process was killed is taken away. What the store does not know is never touched.
 */
export function createRecovery({
  store,
  cluster,
  isScaled,
  routesChanged,
  isLeader,
  periodMs,
  now,
  monotonicNow,
  logger
}: RecoveryDeps): Loop {
  const stop = new AbortController()
  const { signal } = stop
  const repairs = createRepairs({
    repair: (deployment) => (deployment.status === 'live' ? bringBack(deployment) : takeAway(deployment)),
    onFailed: (retryMs) => setTimeout(() => loop.wake(), retryMs).unref(),
    slots,
    monotonicNow,
    logger
  })

  async function bringBack({ id: deploymentId, clusterName }: Deployment): Promise<void> {
    // It may have been scaled since it was looked at.
    const deployment = await store.deployments.get(deploymentId)
    if (deployment?.status !== 'live') return
    logger.warn(
      { deploymentId, function: clusterName },
      'a live deployment does not run as it should, it is brought back'
    )
    try {
      const endpoints = await cluster.apply(deployment, signal)
      await publish(deployment, endpoints)
    } catch (err) {
      // What does not become ready is taken away, and its address may soon be another function's.
      if (err instanceof Failure && !err.retry) await publish(deployment, await endpointsOf(deployment))
      throw err
    }
    logger.info({ deploymentId, function: clusterName }, 'it runs again')
  }

  async function endpointsOf({ id }: Deployment): Promise<Deployment['endpoints']> {
    return (await cluster.list(signal)).find(({ deploymentId }) => deploymentId === id)?.endpoints ?? []
  }

  /** Where a live deployment answers now, unless it was switched away from or scaled in the meantime. */
  async function publish({ id, replicas }: Deployment, endpoints: Deployment['endpoints']): Promise<void> {
    const current = await store.deployments.get(id)
    if (current === null || current.status === 'ended') return cluster.remove(id, 0, signal)
    if (current.status !== 'live' || current.replicas !== replicas) return
    if (keyOf(current.endpoints) === keyOf(endpoints)) return
    await store.deployments.setEndpoints(id, endpoints, replicas)
    routesChanged()
  }

  async function takeAway(deployment: Deployment): Promise<void> {
    await cluster.remove(deployment.id, 0, signal)
    await store.deployments.end(deployment.id, 'ended', 'its build ended', now())
  }

  /**
   * Its build has ended without it. The deployment is read once more after its build: a build makes its deployments live in
   * the transaction that ends it, so one that was `starting` before may be serving by now.
   */
  async function isAbandoned({ id, buildId }: Deployment): Promise<boolean> {
    if (buildId === null) return false
    const build = await store.builds.get(buildId)
    if (build !== null && !isTerminal(build.status)) return false
    const current = await store.deployments.get(id)
    return current?.status === 'starting' && current.buildId === buildId
  }

  async function isWrong(deployment: Deployment, object: ClusterObject | undefined): Promise<boolean> {
    if (deployment.status === 'starting') return isAbandoned(deployment)
    return deployment.status === 'live' && !isWhole(deployment, object)
  }

  const loop = createLoop(
    'recovery',
    periodMs,
    async () => {
      if (!isLeader()) return repairs.want([])
      const running = await store.deployments.running()
      const objects = new Map((await cluster.list(signal)).map((object) => [object.deploymentId, object]))
      const wrong: Deployment[] = []
      for (const deployment of running) {
        if (isScaled(deployment.id)) continue
        const object = objects.get(deployment.id)
        if (!(await isWrong(deployment, object))) continue
        wrong.push(deployment)
        // Until it is back nobody is at its addresses, or somebody else.
        if (deployment.status === 'live' && object === undefined) await publish(deployment, [])
      }
      repairs.want(wrong)
    },
    logger
  )
  return {
    wake: loop.wake,
    async close() {
      const repaired = repairs.close()
      stop.abort()
      await loop.close()
      await repaired
    }
  }
}

function isWhole(deployment: Deployment, object: ClusterObject | undefined): boolean {
  const { availableReplicas, endpoints } = object ?? { availableReplicas: 0, endpoints: [] }
  return availableReplicas >= deployment.replicas && keyOf(endpoints) === keyOf(deployment.endpoints)
}

/** Where calls go, however many replicas they are shared out to there. */
function keyOf(endpoints: Deployment['endpoints']): string {
  return [...new Set(endpoints.map(endpointUrl))].sort().join()
}
