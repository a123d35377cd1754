import { createSchedules } from '../schedules/schedules.ts'
import type { Ground } from './ground.ts'

export function startSchedules(ground: Ground): void {
  const { config, store, queue, isLeader, now, logger, onRedisError, lead, hear } = ground
  const schedules = createSchedules({
    store,
    queue,
    isLeader,
    waitingLimit: config.ASYNC_WAITING_LIMIT,
    graceMs: config.STOP_GRACE_MS,
    now,
    logger,
    onRedisError
  })
  lead('schedules', schedules)
  for (const signal of ['routes', 'function'] as const) {
    hear('hearing of what is live', signal, () => schedules.wake())
  }
}
