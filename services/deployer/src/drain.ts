import type { Cluster, Deployment, Store } from '@slipway/domain'
import { createLoop, type Logger, type Loop } from '@slipway/service'
import type { Gateways } from './gateways.ts'

export interface DrainDeps {
  store: Pick<Store, 'deployments' | 'functions'>
  cluster: Pick<Cluster, 'remove'>
  gateways: Gateways
  isLeader(): boolean
  now: () => number
  /** Milliseconds of a clock that nobody sets. */
  monotonicNow: () => number
  logger: Logger
}

/** What a replica gets between SIGTERM and SIGKILL, once nobody sends it anything any more. */
const stopGraceMs = 10_000

/**
 * Takes former versions away once they have nothing left to do: when all gateways route elsewhere and have no request of it
 * in flight, or at the function's write time-out. What has to be drained stands in the store, so a crash here loses nothing.
 */
export function createDrain({ store, cluster, gateways, isLeader, now, monotonicNow, logger }: DrainDeps): Loop {
  /** When each was first seen draining here, and from which version of the routes on it is out of them. */
  const seen = new Map<string, { since: number; routesVersion: number }>()
  const leaving = new Map<string, Promise<void>>()

  async function take(deployment: Deployment, signal: AbortSignal): Promise<void> {
    const { id: deploymentId, clusterName } = deployment
    try {
      await cluster.remove(deploymentId, stopGraceMs, signal)
      await store.deployments.end(deploymentId, 'ended', null, now())
      logger.info({ deploymentId, function: clusterName }, 'former version removed')
    } catch (err) {
      logger.warn({ err, deploymentId }, 'a former version could not be removed, it is tried again')
    } finally {
      leaving.delete(deploymentId)
    }
  }

  const loop: Loop = createLoop(
    'drain',
    1000,
    async (signal) => {
      if (!isLeader()) {
        // What another leader drains may be brought back by a rollback, and drain anew when this one leads again.
        seen.clear()
        return
      }
      const draining = (await store.deployments.running()).filter(({ status }) => status === 'draining')
      const ids = new Set(draining.map(({ id }) => id))
      for (const id of seen.keys()) if (!ids.has(id)) seen.delete(id)
      if (draining.length === 0) return
      const routesVersion = await store.functions.routesVersion()
      for (const deployment of draining) {
        const known = seen.get(deployment.id) ?? { since: monotonicNow(), routesVersion }
        seen.set(deployment.id, known)
        const isOver = monotonicNow() - known.since > deployment.spec.writeTimeoutMs
        if (leaving.has(deployment.id) || !(isOver || gateways.haveLeft(deployment.id, known.routesVersion))) continue
        leaving.set(deployment.id, take(deployment, signal))
      }
      const isWaiting = draining.some(({ id }) => !leaving.has(id))
      if (isWaiting) setTimeout(() => loop.wake(), 200).unref()
    },
    logger
  )
  return {
    wake: loop.wake,
    close: async () => {
      await loop.close()
      await Promise.allSettled(leaving.values())
    }
  }
}
