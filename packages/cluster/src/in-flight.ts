import { type Deployment, Failure } from '@slipway/domain'
import type { ClusterLogger } from './logger.ts'

/** Roll-outs of this process, one of a deployment at a time. Between processes the cluster decides. */
export interface InFlight {
  /** Waits for the one before, and tells in the log how it went. The work is over when all that it began is, also what it takes away again. */
  alone<T>(
    deployment: Deployment,
    replicas: number,
    work: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal
  ): Promise<T>
  has(deploymentId: string): boolean
  /** The deployment is to go: gives up its roll-out, and waits until that is over. */
  giveUp(deploymentId: string): Promise<void>
  close(): Promise<void>
}

export function createInFlight({ logger, now }: { logger: ClusterLogger; now: () => number }): InFlight {
  const underWay = new Map<string, { controller: AbortController; ended: Promise<unknown> }>()

  async function told<T>({ id, clusterName }: Deployment, replicas: number, work: () => Promise<T>): Promise<T> {
    const about = { deploymentId: id, clusterName }
    const startedAt = now()
    try {
      const result = await work()
      logger.info({ ...about, replicas, durationMs: now() - startedAt }, 'deployment ready')
      return result
    } catch (err) {
      const code = err instanceof Failure ? err.code : 'internal'
      logger.info({ ...about, code, durationMs: now() - startedAt }, 'deployment not ready')
      throw err
    }
  }

  return {
    async alone(deployment, replicas, work, signal) {
      const { id } = deployment
      for (let before = underWay.get(id); before !== undefined; before = underWay.get(id)) {
        await before.ended
        signal.throwIfAborted()
      }
      const controller = new AbortController()
      const both = AbortSignal.any([signal, controller.signal])
      const working = told(deployment, replicas, () => work(both)).finally(() => underWay.delete(id))
      underWay.set(id, { controller, ended: working.catch(() => null) })
      return await working
    },
    has: (deploymentId) => underWay.has(deploymentId),
    async giveUp(deploymentId) {
      const found = underWay.get(deploymentId)
      found?.controller.abort(new Failure('cancelled', 'the deployment was removed while it started'))
      await found?.ended
    },
    async close() {
      const working = [...underWay.values()]
      for (const { controller } of working) controller.abort(new Failure('unavailable', 'the cluster is closing'))
      await Promise.all(working.map(({ ended }) => ended))
    }
  }
}
