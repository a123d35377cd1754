import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RunningRedis, startRedis, waitFor } from '@slipway/machine'
import { type AsyncCall, openAsyncCalls } from './async-calls.ts'
import { type Due, openScheduleClock, type ScheduleClock, type ScheduleEntry } from './schedules.ts'

let directory: string
let redis: RunningRedis
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-schedules-'))
  redis = await startRedis({ directory })
})
after(async () => {
  await redis.stop()
  await rm(directory, { recursive: true, force: true })
})

const everySecond: ScheduleEntry = {
  ownerId: 'o-alice',
  functionName: 'hello',
  expression: '* * * * * *',
  timezone: 'UTC'
}

function createClocks(t: TestContext) {
  const config = { redisUrl: redis.url, prefix: `test-${randomUUID()}` }
  const closers: (() => Promise<void>)[] = []
  const errors: string[] = []
  t.after(async () => {
    for (const close of closers.toReversed()) await close()
  })
  /** As another process would. */
  function open(): ScheduleClock {
    const clock = openScheduleClock(config, ({ message }) => errors.push(message))
    closers.push(() => clock.close())
    return clock
  }
  function work(call: (due: Due) => Promise<void>): void {
    const worker = open().work(call)
    closers.push(() => worker.close(100))
  }
  /** As soon as Redis is there. */
  const keep = (clock: ScheduleClock, wanted: ScheduleEntry[]) =>
    waitFor(() => clock.keep(wanted).catch(() => null), { timeoutMs: 20_000, what: 'Redis' })
  return { config, errors, open, work, keep }
}

test('each moment is told to one of all who work, and only as long as it is wanted', async (t) => {
  const { open, work, keep } = createClocks(t)
  const dues: Due[] = []
  for (let workers = 0; workers < 3; workers += 1) work(async (due) => void dues.push(due))
  const clock = open()
  assert.deepEqual(await keep(clock, [everySecond]), { added: 1, removed: 0 })
  await waitFor(() => dues.length >= 3, { timeoutMs: 30_000, what: 'three moments' })
  const { at, ...entry } = dues[0] as Due
  assert.deepEqual([entry, at % 1000], [everySecond, 0])
  assert.deepEqual(await clock.keep([]), { added: 0, removed: 1 })
  const ended = Date.now()
  await sleep(2500)
  const late = dues.filter((due) => due.at > ended + 1000)
  assert.deepEqual(late, [], 'what was due within the second may have been on its way')
  assert.equal(new Set(dues.map((due) => due.at)).size, dues.length, 'no moment twice')
})

test('what stays wanted is left as it is, also by several who say so', async (t) => {
  const { open, work, keep } = createClocks(t)
  const other = { ...everySecond, functionName: 'other', expression: '0 0 1 1 *' }
  const [one, two] = [open(), open()]
  assert.deepEqual(await keep(one, [everySecond, other]), { added: 2, removed: 0 })
  assert.deepEqual(await keep(two, [other, everySecond]), { added: 0, removed: 0 })
  assert.deepEqual(await two.keep([{ ...other, timezone: 'Asia/Tokyo' }, everySecond]), { added: 1, removed: 1 })
  const dues: Due[] = []
  work(async (due) => void dues.push(due))
  await waitFor(() => dues.length >= 2, { timeoutMs: 30_000, what: 'two moments' })
  assert.deepEqual(new Set(dues.map(({ functionName }) => functionName)), new Set(['hello']))
  assert.equal(new Set(dues.map((due) => due.at)).size, dues.length)
})

test('moments that went by while nobody worked are one', async (t) => {
  const { open, work, keep } = createClocks(t)
  await keep(open(), [everySecond])
  await sleep(3500)
  const begin = Date.now()
  const dues: Due[] = []
  work(async (due) => void dues.push(due))
  await waitFor(() => dues.filter(({ at }) => at > begin).length >= 2, { timeoutMs: 30_000, what: 'moments of now' })
  assert.ok(dues.filter(({ at }) => at < begin - 1000).length <= 1, JSON.stringify(dues))
})

test('a moment that could not be dealt with is told again, and why is not kept back', async (t) => {
  const { errors, open, work, keep } = createClocks(t)
  const tried: number[] = []
  work(async ({ at }) => {
    tried.push(at)
    if (tried.length === 1) throw new Error('the store is away')
  })
  await keep(open(), [everySecond])
  await waitFor(() => tried.filter((at) => at === tried[0]).length === 2, { timeoutMs: 30_000, what: 'the second try' })
  assert.ok(errors.includes('the store is away'), errors.join())
})

test('with Redis away what is wanted is refused at once', async (t) => {
  const clock = openScheduleClock({ redisUrl: 'redis://127.0.0.1:1', prefix: 'none' }, () => undefined)
  t.after(() => clock.close())
  await assert.rejects(clock.keep([everySecond]), { code: 'unavailable' })
})

const call: AsyncCall = {
  callId: 'one',
  ownerSlug: 'alice',
  functionName: 'hello',
  method: 'POST',
  target: '/',
  headers: [],
  body: '',
  callbackUrl: null,
  acceptedAt: 1
}
const key = 'o-alice/hello'

async function openCalls(t: TestContext, waitingLimit = 10) {
  const { config } = createClocks(t)
  const calls = await openAsyncCalls(config, { concurrency: 1, waitingLimit, onError: () => undefined })
  t.after(() => calls.close())
  return calls
}

test('a call that is left under an id of its own is left once, and is known to be under way until it has ended', async (t) => {
  const calls = await openCalls(t, 1)
  assert.equal(await calls.isUnderWay(key, 'schedule-1000'), false)
  await calls.enqueue(key, call, 'schedule-1000')
  await calls.enqueue(key, call, 'schedule-1000')
  await assert.rejects(calls.enqueue(key, call, 'schedule-2000'), { code: 'too-many-requests' })
  assert.deepEqual([await calls.isUnderWay(key, 'schedule-1000'), (await calls.counts(key)).waiting], [true, 1])
  const worker = calls.work(key, async () => ({ kind: 'dead', reason: 'it answered 500' }))
  t.after(() => worker.close(100))
  await waitFor(async () => !(await calls.isUnderWay(key, 'schedule-1000')), { timeoutMs: 20_000, what: 'its end' })
})

test('a call that was made is not made again when it is left again under its id', async (t) => {
  const calls = await openCalls(t)
  const made: string[] = []
  const worker = calls.work(key, async ({ callId }) => {
    made.push(callId)
    return { kind: 'done' }
  })
  t.after(() => worker.close(100))
  const leave = (callId: string, id?: string) => calls.enqueue(key, { ...call, callId }, id)
  const isOver = async () => {
    const { waiting, active, delayed } = await calls.counts(key)
    return waiting + active + delayed === 0
  }
  await leave('first', 'schedule-1000')
  await waitFor(() => made.length === 1, { timeoutMs: 20_000, what: 'the call' })
  await waitFor(isOver, { timeoutMs: 20_000, what: 'its end' })
  // Calls without an id come and go beside it.
  await leave('other')
  await leave('first, again', 'schedule-1000')
  await leave('second', 'schedule-2000')
  await waitFor(() => made.includes('second'), { timeoutMs: 20_000, what: 'the call of the next moment' })
  assert.deepEqual(made, ['first', 'other', 'second'])
})
