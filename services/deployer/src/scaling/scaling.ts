import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, type Deployment, type Endpoint, Failure, firstReplicas, type Store } from '@slipway/domain'
import type { Gateways } from '../gateways.ts'

export interface ScalingDeps {
  store: Pick<Store, 'deployments' | 'functions'>
  cluster: Pick<Cluster, 'scale' | 'remove'>
  gateways: Pick<Gateways, 'haveLeft' | 'haveRoutes'>
  routesChanged(): void
}

/** Changes how many replicas live deployments have: one change of a deployment at a time. */
export interface Scaling {
  /** Somebody asked for it, whom `by` names. Fails as the store's `setReplicas` and the cluster's `scale` do. */
  choose(
    deploymentId: string,
    replicas: number,
    by: Parameters<Store['deployments']['setReplicas']>[2],
    signal: AbortSignal
  ): Promise<Endpoint[]>
  /** Load or idleness want it. To none only while nobody calls it: then it is left as it is, and the answer is false. */
  follow(deploymentId: string, replicas: number, signal: AbortSignal): Promise<boolean>
  /** Calls wait for one without a replica. @returns how many it has now */
  wake(deploymentId: string, signal: AbortSignal): Promise<number>
  /** True while it is between two numbers: what runs need not be what is wanted. */
  isUnderWay(deploymentId: string): boolean
}

/** Gateways are told at once, and look twice a second: one that has not followed by then has lost the store. */
const leaveMs = 5000
const lookMs = 50

export function createScaling({ store, cluster, gateways, routesChanged }: ScalingDeps): Scaling {
  const underWay = new Map<string, Promise<unknown>>()

  async function alone<T>(id: string, work: () => Promise<T>): Promise<T> {
    for (let before = underWay.get(id); before !== undefined; before = underWay.get(id)) await before
    const working = work()
    underWay.set(
      id,
      working.catch(() => null)
    )
    try {
      return await working
    } finally {
      underWay.delete(id)
    }
  }

  async function publish(id: string, endpoints: Endpoint[], replicas: number): Promise<void> {
    await store.deployments.setEndpoints(id, endpoints, replicas)
    routesChanged()
  }

  /** Waits until gateways have heard what was published last, but not for ever. @returns what they serve by then */
  async function heard(signal: AbortSignal): Promise<number> {
    const version = await store.functions.routesVersion()
    for (let waited = 0; waited < leaveMs && !gateways.haveRoutes(version); waited += lookMs) {
      await sleep(lookMs, undefined, { signal })
    }
    return version
  }

  /** What goes is called no more before it does. The first ones stay. */
  async function announce({ id, endpoints }: Deployment, replicas: number): Promise<boolean> {
    if (replicas >= endpoints.length) return false
    await publish(id, endpoints.slice(0, replicas), replicas)
    return true
  }

  async function bring(deployment: Deployment, signal: AbortSignal): Promise<Endpoint[]> {
    const { id, replicas } = deployment
    const endpoints = await cluster.scale(deployment, replicas, signal)
    const current = await store.deployments.get(id)
    if (current === null || current.status === 'ended') {
      // It was taken away while this brought more of it.
      await cluster.remove(id, 0, signal)
      throw new Failure('conflict', 'another version took its place meanwhile')
    }
    await publish(id, endpoints, replicas)
    return endpoints
  }

  async function live(id: string): Promise<Deployment> {
    const deployment = await store.deployments.get(id)
    if (deployment === null) throw new Failure('not-found', `there is no deployment ${id}`)
    return deployment
  }

  return {
    choose: (id, replicas, by, signal) =>
      alone(id, async () => {
        // Wanted first, then done: recovery brings about what is wanted when this ends in between.
        const deployment = await store.deployments.setReplicas(id, replicas, by)
        if (await announce(deployment, replicas)) await heard(signal)
        return bring(deployment, signal)
      }),
    follow: (id, replicas, signal) =>
      alone(id, async () => {
        const former = await live(id)
        const deployment = await store.deployments.setReplicas(id, replicas, 'load')
        const version = (await announce(deployment, replicas)) ? await heard(signal) : null
        if (replicas === 0 && version !== null && !gateways.haveLeft(id, version)) {
          // Somebody called it just then. All of it still runs.
          await store.deployments.setReplicas(id, former.replicas, 'load')
          await publish(id, former.endpoints, former.replicas)
          return false
        }
        try {
          await bring(deployment, signal)
        } catch (err) {
          if (err instanceof Failure && !err.retry && err.code !== 'conflict')
            await store.deployments.setReplicas(id, former.replicas, 'load')
          throw err
        }
        return true
      }),
    wake: (id, signal) =>
      alone(id, async () => {
        const former = await live(id)
        // Started already: the gateway has not heard of it, or recovery is at it.
        if (former.replicas > 0) {
          routesChanged()
          return former.replicas
        }
        const deployment = await store.deployments.setReplicas(id, firstReplicas(former.spec), 'load')
        try {
          return (await bring(deployment, signal)).length
        } catch (err) {
          if (err instanceof Failure && !err.retry && err.code !== 'conflict')
            await store.deployments.setReplicas(id, 0, 'load')
          throw err
        }
      }),
    isUnderWay: (id) => underWay.has(id)
  }
}
