import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, type RunningRedis, startRedis, waitFor } from '@slipway/machine'
import { createAsyncBacklog } from './async-backlog.ts'
import { type AsyncCall, type AsyncOutcome, type MakeCall, openAsyncCalls } from './async-calls.ts'

let directory: string
let redis: RunningRedis
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-async-'))
  redis = await startRedis({ directory })
})
after(async () => {
  await redis.stop()
  await rm(directory, { recursive: true, force: true })
})

const callOf = (callId: string): AsyncCall => ({
  callId,
  ownerSlug: 'alice',
  functionName: 'fn',
  method: 'POST',
  target: '/',
  headers: ['X-Own', 'kept'],
  body: Buffer.from([0, 255, 10]).toString('base64'),
  callbackUrl: null,
  acceptedAt: 1
})

const key = 'o-alice/fn'

function createCalls(t: TestContext, more: { concurrency?: number; waitingLimit?: number } = {}) {
  const config = { redisUrl: redis.url, prefix: `test-${randomUUID()}` }
  const closers: (() => Promise<void>)[] = []
  t.after(async () => {
    for (const close of closers.toReversed()) await close()
  })
  /** As another process would. */
  const open = async () => {
    const calls = await openAsyncCalls(config, {
      concurrency: 10,
      waitingLimit: 100,
      onError: () => undefined,
      ...more
    })
    closers.push(() => calls.close())
    return calls
  }
  const work = async (make: MakeCall) => {
    const calls = await open()
    const worker = calls.work(key, make)
    closers.push(() => worker.close(100))
    return worker
  }
  return { config, open, work }
}

const done: AsyncOutcome = { kind: 'done' }

test('a call that is recorded outlives who recorded it, and is made as it was left', async (t) => {
  const { open, work } = createCalls(t)
  const first = await open()
  await first.enqueue(key, callOf('one'))
  await first.close()
  const made: AsyncCall[] = []
  await work(async (call) => {
    made.push(call)
    return done
  })
  await waitFor(() => made.length === 1, { timeoutMs: 20_000, what: 'the call' })
  assert.deepEqual(made, [callOf('one')])
})

test('a call is tried again after the wait that was asked for, with the number of the try, until it is dead and kept', async (t) => {
  const { open, work } = createCalls(t)
  const calls = await open()
  const tries: { attempt: number; at: number }[] = []
  await work(async (_call, attempt) => {
    tries.push({ attempt, at: Date.now() })
    return attempt < 3 ? { kind: 'retry', waitMs: 200, reason: 'busy' } : { kind: 'dead', reason: 'gone' }
  })
  await calls.enqueue(key, callOf('one'))
  await waitFor(async () => (await calls.counts(key)).dead === 1, { timeoutMs: 20_000, what: 'the dead letter' })
  assert.deepEqual(
    tries.map(({ attempt }) => attempt),
    [1, 2, 3]
  )
  assert.ok((tries[1]?.at ?? 0) - (tries[0]?.at ?? 0) >= 190)
  await sleep(300)
  assert.equal(tries.length, 3)
})

test('no more calls of a function are made at a time than allowed, however many processes make them', async (t) => {
  const { open, work } = createCalls(t, { concurrency: 2 })
  const calls = await open()
  let running = 0
  let most = 0
  let ended = 0
  const make: MakeCall = async () => {
    running += 1
    most = Math.max(most, running)
    await sleep(30)
    running -= 1
    ended += 1
    return done
  }
  await work(make)
  await work(make)
  for (let i = 0; i < 12; i++) await calls.enqueue(key, callOf(String(i)))
  await waitFor(() => ended === 12, { timeoutMs: 20_000, what: 'all calls' })
  assert.equal(most, 2)
})

test('a call whose process stops is given back and costs no try', async (t) => {
  const { open, work } = createCalls(t)
  const calls = await open()
  const begun = Promise.withResolvers<void>()
  const worker = await work(async (_call, _attempt, signal) => {
    begun.resolve()
    await sleep(60_000, undefined, { signal })
    return done
  })
  await calls.enqueue(key, callOf('one'))
  await begun.promise
  await worker.close(10)
  const attempts: number[] = []
  await work(async (_call, attempt) => {
    attempts.push(attempt)
    return done
  })
  await waitFor(() => attempts.length === 1, { timeoutMs: 20_000, what: 'the call' })
  assert.deepEqual(attempts, [1])
})

test('more calls than may wait are refused, and without Redis none is taken', async (t) => {
  const { open } = createCalls(t, { waitingLimit: 2 })
  const calls = await open()
  await calls.enqueue(key, callOf('one'))
  await calls.enqueue(key, callOf('two'))
  await assert.rejects(calls.enqueue(key, callOf('three')), { code: 'too-many-requests' })
  await calls.enqueue('o-alice/other', callOf('four'))
  const nowhere = { redisUrl: `redis://127.0.0.1:${await freePort()}`, prefix: 'x' }
  const begin = Date.now()
  const opening = openAsyncCalls(nowhere, { concurrency: 1, waitingLimit: 10, onError: () => undefined })
  await assert.rejects(opening, { code: 'unavailable' })
  assert.ok(Date.now() - begin < 5000)
})

test('functions with calls are known to every process, and without Redis nobody waits for that', async (t) => {
  const { config } = createCalls(t)
  const backlog = createAsyncBacklog(config, () => undefined)
  t.after(() => backlog.close())
  const known = () => backlog.functions().catch(() => null)
  await waitFor(async () => (await known()) !== null, { timeoutMs: 20_000, what: 'Redis' })
  await backlog.add(key)
  await backlog.add(key)
  assert.deepEqual(await backlog.functions(), [key])
  await backlog.remove(key)
  assert.deepEqual(await backlog.functions(), [])
  const away = createAsyncBacklog({ redisUrl: `redis://127.0.0.1:${await freePort()}`, prefix: 'x' }, () => undefined)
  t.after(() => away.close())
  await assert.rejects(away.add(key), { code: 'unavailable' })
})
