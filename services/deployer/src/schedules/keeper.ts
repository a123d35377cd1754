import { type Deployment, Failure, type Store, scheduleOf } from '@slipway/domain'
import { readCron } from '@slipway/queue/cron'
import type { Due, ScheduleClock, ScheduleEntry, ScheduleWorker } from '@slipway/queue/schedules'
import { createLoop, type Logger, type Loop } from '@slipway/service'

export interface ScheduleKeeperDeps {
  store: Pick<Store, 'deployments' | 'functions'>
  clock: Pick<ScheduleClock, 'keep' | 'work'>
  call(due: Due): Promise<void>
  isLeader(): boolean
  periodMs: number
  graceMs: number
  logger: Logger
}

/** Redis may be away, or not there yet. */
const retryMs = 1000

/**
 * Has what is live called when its schedule says so. Of several deployers the leader says what is due when; each of them then does its
 * part of the calls.
 */
export function createScheduleKeeper(deps: ScheduleKeeperDeps): Loop {
  const { store, clock, call, isLeader, periodMs, graceMs, logger } = deps
  /** Nothing waits on a connection of its own where nothing has a schedule. */
  let worker: ScheduleWorker | null = null
  const told = new Set<string>()
  let retry: NodeJS.Timeout | undefined

  async function entriesOf(deployment: Deployment): Promise<ScheduleEntry[]> {
    const { id, ownerId, functionName, clusterName, spec } = deployment
    const schedule = scheduleOf(spec.annotations)
    if (schedule === null || (await store.functions.get(ownerId, functionName))?.isPaused !== false) return []
    const { expressions, timezone } = schedule
    try {
      for (const expression of expressions) readCron(expression, timezone)
    } catch (err) {
      // From before builds were held to it.
      if (!(err instanceof Failure)) throw err
      if (!told.has(id)) logger.warn({ err, deploymentId: id, function: clusterName }, 'a schedule cannot be read')
      told.add(id)
      return []
    }
    return expressions.map((expression) => ({ ownerId, functionName, expression, timezone }))
  }

  const loop: Loop = createLoop(
    'schedules',
    periodMs,
    async () => {
      const live = (await store.deployments.running()).filter(({ status }) => status === 'live')
      const wanted: ScheduleEntry[] = []
      for (const deployment of live) wanted.push(...(await entriesOf(deployment)))
      if (wanted.length > 0) worker ??= clock.work(call)
      if (!isLeader()) return
      try {
        const { added, removed } = await clock.keep(wanted)
        const count = wanted.length
        if (added + removed > 0) logger.info({ added, removed, schedules: count }, 'schedules follow what is live')
      } catch (err) {
        if (!(err instanceof Failure)) throw err
        // What waits there is due all the same; it is looked at again soon.
        logger.debug({ err }, 'schedules cannot be looked at now')
        clearTimeout(retry)
        retry = setTimeout(() => loop.wake(), retryMs)
      }
    },
    logger
  )
  return {
    wake: loop.wake,
    async close() {
      await loop.close()
      clearTimeout(retry)
      await worker?.close(graceMs)
    }
  }
}
