import type { Store } from '@slipway/domain'
import type { QueueConfig } from '@slipway/queue'
import { createAsyncBacklog } from '@slipway/queue/async-backlog'
import { type AsyncCalls, openAsyncCalls } from '@slipway/queue/async-calls'
import { openScheduleClock } from '@slipway/queue/schedules'
import type { Logger, Loop } from '@slipway/service'
import { createScheduleKeeper } from './keeper.ts'
import { createScheduledCall } from './scheduled-call.ts'

export interface SchedulesDeps {
  store: Pick<Store, 'deployments' | 'functions' | 'schedules'>
  queue: QueueConfig
  isLeader(): boolean
  /** Calls of one function that may wait. */
  waitingLimit: number
  graceMs: number
  now: () => number
  logger: Logger
  onRedisError(err: Error): void
}

/** Functions that are called by a schedule, as long as they are live. */
export function createSchedules(deps: SchedulesDeps): Loop {
  const { store, queue, isLeader, waitingLimit, graceMs, now, logger, onRedisError: onError } = deps
  const clock = openScheduleClock(queue, onError)
  const backlog = createAsyncBacklog(queue, onError)
  let opening: Promise<AsyncCalls> | null = null

  async function calls(): Promise<AsyncCalls> {
    try {
      return await (opening ??= openAsyncCalls(queue, { concurrency: 1, waitingLimit, onError }))
    } catch (err) {
      opening = null
      throw err
    }
  }

  const call = createScheduledCall({ store, backlog, calls, now, logger })
  const keeper = createScheduleKeeper({ store, clock, call, isLeader, periodMs: 10_000, graceMs, logger })
  return {
    wake: keeper.wake,
    async close() {
      await keeper.close()
      await clock.close()
      await (await opening)?.close()
      backlog.close()
    }
  }
}
