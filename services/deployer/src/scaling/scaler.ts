import { type Deployment, Failure, type Store, scalePolicyOf, startsOnCall } from '@slipway/domain'
import { createLoop, type Logger, type Loop } from '@slipway/service'
import { decide, note, type Seen, seenFrom } from './decision.ts'
import type { Loads } from './load.ts'
import type { Scaling } from './scaling.ts'

export interface ScalerDeps {
  store: Pick<Store, 'deployments'>
  scaling: Pick<Scaling, 'follow' | 'wake' | 'isUnderWay'>
  loads: Pick<Loads, 'take'>
  isLeader(): boolean
  /** Calls wait for it, and it cannot be started. */
  unstartable(deploymentId: string): void
  /** It has another number of replicas. */
  changed(deployment: Deployment): void
  periodMs: number
  /** Milliseconds of a clock that nobody sets. */
  monotonicNow: () => number
  logger: Logger
}

export interface Scaler extends Loop {
  /** Calls wait for these: each is started once, however often that is said. */
  wakeUp(deploymentIds: string[]): void
}

/** What could not be scaled, or started, is left alone for so long. */
const retryMs = { load: 30_000, start: 5000 }

/** Of several deployers the leader has functions follow what there is to do for them. */
export function createScaler(deps: ScalerDeps): Scaler {
  const { store, scaling, loads, isLeader, monotonicNow, logger } = deps
  const stop = new AbortController()
  const seen = new Map<string, Seen>()
  const leftAloneUntil = new Map<string, number>()
  const working = new Map<string, Promise<void>>()

  function isLeftAlone(id: string): boolean {
    return (leftAloneUntil.get(id) ?? 0) > monotonicNow()
  }

  /** One thing at a time of each; what fails is told, and tried again by who asks again. */
  function start(id: string, pauseMs: number, work: () => Promise<void>, onFailed: () => void): void {
    const running = work()
      .catch((err: unknown) => {
        if (stop.signal.aborted || (err instanceof Failure && err.code === 'conflict')) return
        leftAloneUntil.set(id, monotonicNow() + pauseMs)
        logger.warn({ err, deploymentId: id }, 'the number of replicas could not be changed')
        onFailed()
      })
      .finally(() => working.delete(id))
    working.set(id, running)
  }

  async function follow(deployment: Deployment, replicas: number): Promise<void> {
    const { id, clusterName, replicas: former } = deployment
    for (let wanted = replicas; ; wanted -= 1) {
      try {
        if (!(await scaling.follow(id, wanted, stop.signal))) return
        logger.info({ deploymentId: id, function: clusterName, former, replicas: wanted }, 'scaled')
        deps.changed(deployment)
        return
      } catch (err) {
        // As many as the owner may have.
        const isTooMany = err instanceof Failure && err.code === 'limit-exceeded'
        if (!isTooMany || wanted - 1 <= former) throw err
      }
    }
  }

  async function startOne(id: string): Promise<void> {
    const deployment = await store.deployments.get(id)
    if (deployment?.status !== 'live' || !startsOnCall(deployment.spec.labels)) return
    const startedAt = monotonicNow()
    const replicas = await scaling.wake(id, stop.signal)
    // What was counted last may be from before the call that it was started for.
    seen.set(id, seenFrom(monotonicNow()))
    if (deployment.replicas > 0) return
    const durationMs = Math.round(monotonicNow() - startedAt)
    logger.info({ deploymentId: id, function: deployment.clusterName, replicas, durationMs }, 'started for calls')
    deps.changed(deployment)
  }

  const loop = createLoop(
    'scaler',
    deps.periodMs,
    async () => {
      const load = loads.take()
      if (!isLeader()) {
        seen.clear()
        return
      }
      const live = (await store.deployments.running()).filter(({ status }) => status === 'live')
      const ids = new Set(live.map(({ id }) => id))
      for (const known of [seen, leftAloneUntil]) for (const id of known.keys()) if (!ids.has(id)) known.delete(id)
      const at = monotonicNow()
      for (const deployment of live) {
        const { id } = deployment
        const policy = scalePolicyOf(deployment.spec.labels)
        if (policy.load === null && policy.zeroAfterMs === null) continue
        // Nobody knows what there is to do: as if it had just been called.
        const known = load === null ? seenFrom(at) : (seen.get(id) ?? seenFrom(at))
        seen.set(id, known)
        if (load === null) continue
        note(known, load.get(id) ?? { inFlight: 0, calls: 0 }, at)
        const replicas = decide(deployment, policy, known, at)
        if (replicas === null || working.has(id) || scaling.isUnderWay(id) || isLeftAlone(id)) continue
        start(
          id,
          retryMs.load,
          () => follow(deployment, replicas),
          () => {}
        )
      }
    },
    logger
  )

  return {
    wake: loop.wake,
    wakeUp(deploymentIds) {
      if (!isLeader() || stop.signal.aborted) return
      for (const id of deploymentIds) {
        // Being started it is looked after; being brought to none its calls bring it back when they are still there then.
        if (working.has(id)) continue
        if (isLeftAlone(id)) deps.unstartable(id)
        else
          start(
            id,
            retryMs.start,
            () => startOne(id),
            () => deps.unstartable(id)
          )
      }
    },
    async close() {
      stop.abort()
      await loop.close()
      await Promise.all(working.values())
    }
  }
}
