import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type RunningRedis, startRedis, waitFor } from '@slipway/machine'
import { createAsyncBacklog } from './async-backlog.ts'
import { type AsyncCall, type AsyncOutcome, openAsyncCalls } from './async-calls.ts'
import { createGivenUpCalls } from './given-up-calls.ts'

let directory: string
let redis: RunningRedis
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-given-up-'))
  redis = await startRedis({ directory })
})
after(async () => {
  await redis.stop()
  await rm(directory, { recursive: true, force: true })
})

const key = 'o-alice/hello'
const callOf = (callId: string): AsyncCall => ({
  callId,
  ownerSlug: 'alice',
  functionName: 'hello',
  method: 'POST',
  target: '/orders?token=secret',
  headers: ['Authorization', 'secret'],
  body: Buffer.from('secret').toString('base64'),
  callbackUrl: null,
  acceptedAt: 1
})

test('calls that were given up are listed without what they carry, made again from the first try, and forgotten', async (t) => {
  const config = { redisUrl: redis.url, prefix: `test-${randomUUID()}` }
  const calls = await openAsyncCalls(config, { concurrency: 1, waitingLimit: 10, onError: () => undefined })
  t.after(() => calls.close())
  let outcome: AsyncOutcome = { kind: 'dead', reason: 'it answered 500' }
  const made: [callId: string, attempt: number][] = []
  const worker = calls.work(key, async ({ callId }, attempt) => {
    made.push([callId, attempt])
    return outcome
  })
  t.after(() => worker.close(100))
  const givenUp = createGivenUpCalls(config, () => undefined)
  t.after(() => givenUp.close())
  const backlog = createAsyncBacklog(config, () => undefined)
  t.after(() => backlog.close())
  const listed = async () => givenUp.list([key, 'o-alice/other'], 10).catch(() => [])

  for (const id of ['one', 'two']) await calls.enqueue(key, callOf(id))
  await waitFor(async () => (await listed()).length === 2, { timeoutMs: 20_000, what: 'both to be given up' })
  const found = await listed()
  assert.ok(!JSON.stringify(found).includes('secret'))
  const one = found.find(({ callId }) => callId === 'one')
  assert.ok(one !== undefined)
  const { id: _id, givenUpAt, ...about } = one
  assert.ok((givenUpAt ?? 0) > 0)
  assert.deepEqual(about, {
    functionKey: key,
    callId: 'one',
    method: 'POST',
    path: '/orders',
    bodyBytes: 6,
    attempts: 1,
    reason: 'it answered 500',
    acceptedAt: 1
  })
  assert.deepEqual([(await givenUp.list([key], 1)).length, await givenUp.list([], 10)], [1, []])

  outcome = { kind: 'done' }
  await givenUp.retry(key, one.id)
  await waitFor(() => made.length === 3, { timeoutMs: 20_000, what: 'it to be made again' })
  assert.deepEqual(made[2], ['one', 1])
  assert.deepEqual(await backlog.functions(), [key])
  const [two] = await listed()
  assert.equal(two?.callId, 'two')
  await givenUp.drop(key, two?.id ?? '')
  assert.deepEqual(await listed(), [])
  for (const id of [one.id, two?.id ?? '', 'none']) {
    await assert.rejects(givenUp.retry(key, id), { code: 'not-found' })
    await assert.rejects(givenUp.drop(key, id), { code: 'not-found' })
  }
  assert.equal(made.length, 3)
})

test('with Redis away nobody knows what was given up', async (t) => {
  const givenUp = createGivenUpCalls({ redisUrl: 'redis://127.0.0.1:1', prefix: 'none' }, () => undefined)
  t.after(() => givenUp.close())
  await assert.rejects(givenUp.list([key], 10), { code: 'unavailable' })
})
