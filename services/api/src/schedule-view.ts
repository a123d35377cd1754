import type { ScheduleView } from '@slipway/client'
import { type Deployment, Failure, type FunctionRecord, type Schedule, type Store, scheduleOf } from '@slipway/domain'
import { readCron } from '@slipway/queue/cron'

/** When a live function is called by itself, and what became of the last time; null: it is not. */
export async function scheduleView(
  store: Pick<Store, 'schedules'>,
  { ownerId, name, isPaused }: FunctionRecord,
  { spec }: Deployment,
  now: number
): Promise<ScheduleView | null> {
  const schedule = scheduleOf(spec.annotations)
  if (schedule === null) return null
  const run = await store.schedules.last(ownerId, name)
  const last = run === null ? null : { at: run.at, outcome: run.outcome, reason: run.reason }
  return { ...schedule, nextAt: isPaused ? null : nextOf(schedule, now), last }
}

function nextOf({ expressions, timezone }: Schedule, now: number): number | null {
  try {
    const moments = expressions.map((expression) => readCron(expression, timezone).nextAfter(now))
    const next = Math.min(...moments.map((at) => at ?? Number.POSITIVE_INFINITY))
    return Number.isFinite(next) ? next : null
  } catch (err) {
    // From before builds were held to it: such a schedule is not kept.
    if (err instanceof Failure) return null
    throw err
  }
}
