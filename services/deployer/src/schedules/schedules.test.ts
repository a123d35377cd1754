import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Failure } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import type { AsyncCall } from '@slipway/queue/async-calls'
import type { Due, ScheduleEntry } from '@slipway/queue/schedules'
import { commits, createDeployerForTest, logger, never } from '../deployer.fixture.ts'
import { createScheduleKeeper } from './keeper.ts'
import { createScheduledCall } from './scheduled-call.ts'

const everyMinute = { topic: 'cron-function', schedule: '* * * * *' }
const minute = 60_000

/** A live function with a schedule, a clock that tells what it is to keep, and calls that are left in a list. */
async function createGround(t: TestContext, annotations: Record<string, string> = everyMinute) {
  const ground = await createDeployerForTest(t)
  const { store } = ground
  await ground.deploy({ buildId: await ground.built(commits.a, ['hello'], { annotations }) }, never)
  const ownerId = (await store.owners.findBySlug('alice'))?.id ?? ''
  const left: { id: string | undefined; call: AsyncCall }[] = []
  const underWay = new Set<string>()
  const lookedAfter: number[] = []
  let refusal: Failure | null = null
  const call = createScheduledCall({
    store,
    backlog: { add: async () => void lookedAfter.push(left.length) },
    calls: async () => ({
      async enqueue(_key, one, id) {
        if (refusal !== null) throw refusal
        left.push({ id, call: one })
        underWay.add(id ?? '')
      },
      isUnderWay: async (_key, id) => underWay.has(id)
    }),
    now: () => 100 * minute,
    logger
  })
  const due = (at: number, change: Partial<Due> = {}): Due => ({
    ownerId,
    functionName: 'hello',
    expression: '* * * * *',
    timezone: 'UTC',
    at,
    ...change
  })
  return {
    ...ground,
    ownerId,
    left,
    lookedAfter,
    underWay,
    call,
    due,
    last: () => store.schedules.last(ownerId, 'hello'),
    refuse: (next: Failure | null) => {
      refusal = next
    }
  }
}

/** What a keeper has its clock keep, one answer a look. */
function createKeeperFor(
  t: TestContext,
  { store }: Pick<Awaited<ReturnType<typeof createGround>>, 'store'>,
  { isLeader = () => true, isAway = () => false }: { isLeader?: () => boolean; isAway?: () => boolean } = {}
) {
  const kept: ScheduleEntry[][] = []
  let workers = 0
  const keeper = createScheduleKeeper({
    store,
    clock: {
      async keep(wanted) {
        if (isAway()) throw new Failure('unavailable', 'Redis does not answer')
        kept.push(wanted)
        return { added: 0, removed: 0 }
      },
      work() {
        workers += 1
        return { close: async () => undefined }
      }
    },
    call: async () => undefined,
    isLeader,
    periodMs: 3_600_000,
    graceMs: 0,
    logger
  })
  t.after(() => keeper.close())
  /** What it kept the last time that it looked, which began after this was asked. */
  async function look(): Promise<ScheduleEntry[]> {
    for (let looks = 0; looks < 2; looks += 1) {
      const before = kept.length
      keeper.wake()
      await waitFor(() => kept.length > before, { timeoutMs: 10_000, what: 'a look' })
    }
    return kept.at(-1) ?? []
  }
  return { keeper, kept, look, workers: () => workers }
}

test('what is live with a schedule is kept, not while it is paused, and no more once it is removed', async (t) => {
  const two = { topic: 'cron-function', schedule: '@hourly; 0 6 * * *', 'schedule.timezone': 'Europe/Berlin' }
  const ground = await createGround(t, two)
  const { store, ownerId } = ground
  const { look, workers } = createKeeperFor(t, ground)
  const about = { ownerId, functionName: 'hello', timezone: 'Europe/Berlin' }
  const both = [
    { ...about, expression: '@hourly' },
    { ...about, expression: '0 6 * * *' }
  ]
  assert.deepEqual(await look(), both)
  await store.functions.pause(ownerId, 'hello', 1)
  assert.deepEqual(await look(), [])
  await store.functions.resume(ownerId, 'hello', 'alice', 2)
  assert.deepEqual(await look(), both)
  assert.equal(workers(), 1, 'one for all looks')
  await store.functions.remove(ownerId, 'hello', 3)
  assert.deepEqual(await look(), [])
})

test('without a schedule anywhere nobody waits for one, and one that cannot be read holds no other up', async (t) => {
  const ground = await createGround(t, { topic: 'cron-function', schedule: 'whenever' })
  const { look, workers } = createKeeperFor(t, ground)
  assert.deepEqual([await look(), workers()], [[], 0])
})

test('only the leader says what is due when, and it says it once Redis is back', async (t) => {
  const ground = await createGround(t)
  let isAway = true
  const led = createKeeperFor(t, ground, { isAway: () => isAway })
  const following = createKeeperFor(t, ground, { isLeader: () => false })
  await waitFor(() => following.workers() === 1, { timeoutMs: 10_000 })
  assert.equal(following.kept.length, 0)
  isAway = false
  assert.equal((await led.look()).length, 1)
})

test('a call that is due is left once for each moment, as a call that nobody waits for', async (t) => {
  const { call, due, left, last, underWay } = await createGround(t)
  await call(due(minute))
  await call(due(minute))
  assert.deepEqual(
    left.map(({ id, call: { ownerSlug, functionName, method, target, body, acceptedAt } }) => [
      id,
      `${method} ${ownerSlug}/${functionName}${target}`,
      body,
      acceptedAt
    ]),
    [['schedule-60000', 'POST alice/hello/', '', 100 * minute]]
  )
  const headers = left[0]?.call.headers ?? []
  assert.deepEqual(headers.slice(headers.indexOf('X-Topic')), ['X-Topic', 'cron-function'])
  assert.deepEqual([(await last())?.outcome, (await last())?.at], ['called', minute])
  underWay.clear()
  await call(due(2 * minute))
  await call(due(minute))
  assert.equal(left.length, 2, 'a moment before the last one is over')
})

test('a call is there before gateways are told to look: one that found none would not look again', async (t) => {
  const { call, due, lookedAfter } = await createGround(t)
  await call(due(minute))
  assert.deepEqual(lookedAfter, [1])
})

test('while the call before is under way it is left out, and told, unless the function allows it', async (t) => {
  const { call, due, left, last, underWay } = await createGround(t)
  await call(due(minute))
  await call(due(2 * minute))
  await call(due(3 * minute))
  const { outcome, reason, at, callId } = (await last()) ?? {}
  assert.deepEqual(
    [left.length, outcome, reason, at, callId],
    [1, 'skipped', 'the call before it is still under way', 3 * minute, 'schedule-60000']
  )
  underWay.clear()
  await call(due(4 * minute))
  assert.deepEqual([left.length, (await last())?.outcome], [2, 'called'])

  const allowing = await createGround(t, { ...everyMinute, 'schedule.overlap': 'allow' })
  await allowing.call(allowing.due(minute))
  await allowing.call(allowing.due(2 * minute))
  assert.equal(allowing.left.length, 2)
})

test('what waits from a former schedule, of a paused or a removed function, calls nothing', async (t) => {
  const { call, due, left, last, store, ownerId } = await createGround(t)
  await call(due(minute, { expression: '@hourly' }))
  await call(due(minute, { timezone: 'Europe/Berlin' }))
  await call(due(minute, { functionName: 'other' }))
  await store.functions.pause(ownerId, 'hello', 1)
  await call(due(minute))
  await store.functions.resume(ownerId, 'hello', 'alice', 2)
  await store.functions.remove(ownerId, 'hello', 3)
  await call(due(minute))
  assert.deepEqual([left, await last()], [[], null])
})

test('too many calls that wait are a reason to leave one out, Redis away is one to try again', async (t) => {
  const { call, due, left, last, refuse } = await createGround(t)
  refuse(new Failure('unavailable', 'Redis does not answer'))
  await assert.rejects(call(due(minute)), { code: 'unavailable' })
  assert.equal(await last(), null)
  refuse(new Failure('too-many-requests', '1000 calls of this function wait already'))
  await call(due(minute))
  assert.match((await last())?.reason ?? '', /1000 calls of this function wait/)
  refuse(null)
  await call(due(2 * minute))
  assert.equal(left.length, 1)
})

test('a clock that was set back stops no schedule', async (t) => {
  const { call, due, left, underWay } = await createGround(t)
  await call(due(5000 * minute))
  underWay.clear()
  await call(due(99 * minute))
  assert.deepEqual(
    left.map(({ id }) => id),
    [`schedule-${5000 * minute}`, `schedule-${99 * minute}`]
  )
})
