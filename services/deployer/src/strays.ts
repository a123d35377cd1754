import type { Cluster, ClusterObject, Deployment, Store } from '@slipway/domain'
import { createLoop, type Logger, type Loop } from '@slipway/service'

export interface StraysDeps {
  store: Pick<Store, 'deployments'>
  cluster: Pick<Cluster, 'list' | 'remove'>
  isLeader(): boolean
  periodMs: number
  logger: Logger
}

/**
 * The other way round than recovery: what runs and should not. A deployment that the store has as ended is removed. One that the
 * store does not know, or that was started after the store has it as ended, is told of and left alone: after an older
 * backup was restored the store knows less than the cluster, and nothing that runs may be lost by that.
 */
export function createStrays({ store, cluster, isLeader, periodMs, logger }: StraysDeps): Loop {
  const told = new Set<string>()

  function tell({ deploymentId, clusterName, ownerSlug, replicas }: ClusterObject, what: string): void {
    if (told.has(deploymentId)) return
    told.add(deploymentId)
    logger.warn({ deploymentId, function: clusterName, owner: ownerSlug, replicas }, what)
  }

  async function look(object: ClusterObject, signal: AbortSignal): Promise<void> {
    const { deploymentId, clusterName } = object
    const deployment = await store.deployments.get(deploymentId)
    if (deployment === null) return tell(object, 'the store does not know what runs here: it is left alone')
    if (!isOver(deployment)) return
    if (object.createdAt > (deployment.endedAt ?? 0)) {
      return tell(object, 'it was started after the store has it as ended: it is left alone')
    }
    logger.warn({ deploymentId, function: clusterName }, 'what ended still runs: it is removed')
    await cluster.remove(deploymentId, 0, signal)
  }

  return createLoop(
    'strays',
    periodMs,
    async (signal) => {
      if (!isLeader()) return
      const objects = await cluster.list(signal)
      const known = new Set((await store.deployments.running()).map(({ id }) => id))
      for (const id of told) if (!objects.some(({ deploymentId }) => deploymentId === id)) told.delete(id)
      for (const object of objects.filter(({ deploymentId }) => !known.has(deploymentId))) {
        // One that the engine cannot remove keeps no other from being removed.
        await look(object, signal).catch((err: unknown) => {
          signal.throwIfAborted()
          logger.error(
            { err, deploymentId: object.deploymentId },
            'what runs could not be dealt with, it is tried again'
          )
        })
      }
    },
    logger
  )
}

function isOver({ status }: Deployment): boolean {
  return status === 'ended' || status === 'failed'
}
