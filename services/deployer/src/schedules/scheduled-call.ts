import { randomUUID } from 'node:crypto'
import { Failure, type Schedule, type Store, scheduleOf } from '@slipway/domain'
import type { AsyncBacklog } from '@slipway/queue/async-backlog'
import type { AsyncCalls } from '@slipway/queue/async-calls'
import type { Due } from '@slipway/queue/schedules'
import type { Logger } from '@slipway/service'

export interface ScheduledCallDeps {
  store: Pick<Store, 'functions' | 'deployments' | 'schedules'>
  backlog: Pick<AsyncBacklog, 'add'>
  /** Where calls are left for gateways to make. */
  calls(): Promise<Pick<AsyncCalls, 'enqueue' | 'isUnderWay'>>
  now: () => number
  logger: Logger
}

/** Leaves a call that is due, as somebody would who does not wait for its answer. It may be asked twice about the same moment. */
export function createScheduledCall({ store, backlog, calls, now, logger }: ScheduledCallDeps) {
  /** null: it is not called by itself any more, at least not then. */
  async function scheduleNow({ ownerId, functionName, expression, timezone }: Due) {
    const record = await store.functions.get(ownerId, functionName)
    const id = record?.liveDeploymentId ?? null
    const live = id === null ? null : await store.deployments.get(id)
    const schedule = live === null ? null : scheduleOf(live.spec.annotations)
    if (record === null || record.isPaused || schedule === null) return null
    const isSame = schedule.expressions.includes(expression) && schedule.timezone === timezone
    return isSame ? { record, schedule } : null
  }

  /** Why it is not called now; null: it is. */
  async function obstacle(
    key: string,
    { isOverlapAllowed }: Schedule,
    formerCall: string | null
  ): Promise<string | null> {
    if (isOverlapAllowed || formerCall === null) return null
    const isGoing = await (await calls()).isUnderWay(key, formerCall)
    return isGoing ? 'the call before it is still under way' : null
  }

  return async (due: Due): Promise<void> => {
    const { ownerId, functionName, at } = due
    const found = await scheduleNow(due)
    if (found === null) return
    const key = `${ownerId}/${functionName}`
    const last = await store.schedules.last(ownerId, functionName)
    // Several expressions may mean the same moment. One in the future was noted before the clock was set back.
    if (last !== null && (last.at === at || (last.at > at && last.at <= now()))) return
    const about = { function: found.record.clusterName, at: new Date(at).toISOString() }
    const skip = async (reason: string) => {
      await store.schedules.note({ ownerId, functionName, at, outcome: 'skipped', reason, callId: null })
      logger.info({ ...about, reason }, 'a scheduled call is left out')
    }
    const reason = await obstacle(key, found.schedule, last?.callId ?? null)
    if (reason !== null) return skip(reason)
    const callId = `schedule-${at}`
    const left = callOf(found.record.ownerSlug, functionName, now())
    try {
      await (await calls()).enqueue(key, left, callId)
      // Last: a gateway that lets go of the function looks for calls after it has struck it from the list. The moment is told again
      // when this ends in between, and the call is left once.
      await backlog.add(key)
    } catch (err) {
      if (err instanceof Failure && err.code === 'too-many-requests') return skip(err.message)
      throw err
    }
    await store.schedules.note({ ownerId, functionName, at, outcome: 'called', reason: null, callId })
    logger.info({ ...about, callId: left.callId }, 'called by its schedule')
  }
}

function callOf(ownerSlug: string, functionName: string, acceptedAt: number) {
  const callId = randomUUID()
  return {
    callId,
    ownerSlug,
    functionName,
    method: 'POST',
    target: '/',
    // As OpenFaaS' cron connector says who calls.
    headers: ['X-Call-Id', callId, 'X-Start-Time', `${acceptedAt}000000`, 'X-Topic', 'cron-function'],
    body: '',
    callbackUrl: null,
    acceptedAt
  }
}
