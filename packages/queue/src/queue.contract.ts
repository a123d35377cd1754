import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import { freePort, type RunningRedis, startRedis, waitFor } from '@slipway/machine'
import { createConsumer, createProducer, createSignals } from './index.ts'

let directory: string
let redis: RunningRedis
let count = 0

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-queue-'))
  redis = await startRedis({ directory })
})
after(async () => {
  await redis.stop()
  await rm(directory, { recursive: true, force: true })
})

/** A queue of the test's own. */
const config = () => ({ redisUrl: redis.url, prefix: `test-${++count}` })
const quiet = () => {}

test('a job reaches the worker with its build id', async (t) => {
  const queue = config()
  const done: string[] = []
  const producer = createProducer('build', queue, quiet)
  const handle = async ({ buildId }: { buildId: string }) => void done.push(buildId)
  const consumer = createConsumer('build', queue, handle, { concurrency: 2, graceMs: 100, onError: quiet })
  t.after(async () => {
    await consumer.close()
    await producer.close()
  })
  await waitFor(
    () =>
      producer.enqueue('a-build-1', { buildId: 'a' }).then(
        () => true,
        () => false
      ),
    { timeoutMs: 20_000 }
  )
  await waitFor(() => done.length > 0, { timeoutMs: 20_000 })
  assert.deepEqual(done, ['a'])
})

test('the same id twice while it is in flight is one job, and afterwards a new one', async (t) => {
  const queue = config()
  const done: string[] = []
  const producer = createProducer('build', queue, quiet)
  t.after(() => producer.close())
  const enqueue = () => producer.enqueue('b-build-1', { buildId: 'b' })
  await waitFor(
    () =>
      enqueue().then(
        () => true,
        () => false
      ),
    { timeoutMs: 20_000 }
  )
  await enqueue()
  const handle = async ({ buildId }: { buildId: string }) => void done.push(buildId)
  const consumer = createConsumer('build', queue, handle, { concurrency: 1, graceMs: 100, onError: quiet })
  t.after(() => consumer.close())
  await waitFor(() => done.length > 0, { timeoutMs: 20_000 })
  await sleep(100)
  assert.equal(done.length, 1)
  await enqueue()
  await waitFor(() => done.length === 2, { timeoutMs: 20_000 })
})

test('stopping takes no new job, and aborts the running one after the grace period', async (t) => {
  const queue = config()
  const producer = createProducer('deploy', queue, quiet)
  t.after(() => producer.close())
  const started: string[] = []
  let isAborted = false
  const handle = async ({ buildId }: { buildId: string }, signal: AbortSignal) => {
    started.push(buildId)
    await sleep(60_000, undefined, { signal }).catch(() => {
      isAborted = true
    })
  }
  const consumer = createConsumer('deploy', queue, handle, { concurrency: 1, graceMs: 200, onError: quiet })
  await waitFor(
    () =>
      producer.enqueue('c-deploy-1', { buildId: 'c' }).then(
        () => true,
        () => false
      ),
    { timeoutMs: 20_000 }
  )
  await waitFor(() => started.length === 1, { timeoutMs: 20_000 })
  const closing = consumer.close()
  await producer.enqueue('d-deploy-1', { buildId: 'd' })
  await closing
  assert.deepEqual([started, isAborted], [['c'], true])
})

test('with Redis away a producer fails at once, and works again when it is back', async (t) => {
  const own = await mkdtemp(join(tmpdir(), 'slipway-queue-away-'))
  let server = await startRedis({ directory: own })
  const producer = createProducer('build', { redisUrl: server.url, prefix: 'away' }, quiet)
  t.after(async () => {
    await producer.close()
    await server.stop()
    await rm(own, { recursive: true, force: true })
  })
  await waitFor(
    () =>
      producer.enqueue('e-build-1', { buildId: 'e' }).then(
        () => true,
        () => false
      ),
    { timeoutMs: 20_000 }
  )
  await server.stop()
  await sleep(50)
  const startedAt = Date.now()
  await assert.rejects(
    producer.enqueue('f-build-1', { buildId: 'f' }),
    (err) => err instanceof Failure && err.code === 'unavailable'
  )
  assert.ok(Date.now() - startedAt < 500)
  server = await startRedis({ directory: own, port: server.port })
  await waitFor(
    () =>
      producer.enqueue('f-build-1', { buildId: 'f' }).then(
        () => true,
        () => false
      ),
    { timeoutMs: 20_000 }
  )
})

test('a signal reaches who listens, and a message of another shape is not passed on', async (t) => {
  const queue = config()
  const signals = createSignals(queue, quiet)
  t.after(() => signals.close())
  const heard: string[] = []
  const unlisten = signals.listen('cancel', ({ buildId }) => heard.push(buildId))
  await waitFor(
    () => {
      signals.send('cancel', { buildId: 'x' })
      return heard.length > 0
    },
    { timeoutMs: 20_000 }
  )
  signals.send('cancel', { wrong: true } as unknown as { buildId: string })
  unlisten()
  const before = heard.length
  signals.send('cancel', { buildId: 'y' })
  await sleep(100)
  assert.equal(heard.length, before)
  assert.ok(heard.every((buildId) => buildId === 'x'))
})

test('a signal that one listener cannot deal with reaches the others, and is told', async (t) => {
  const told: Error[] = []
  const signals = createSignals(config(), (err) => told.push(err))
  t.after(() => signals.close())
  let heard = 0
  signals.listen('builds', () => {
    throw new SyntaxError('another version')
  })
  signals.listen('builds', () => {
    heard += 1
  })
  await waitFor(
    () => {
      signals.send('builds', {})
      return heard > 0
    },
    { timeoutMs: 20_000 }
  )
  assert.match(told[0]?.message ?? '', /signal "builds"/)
  assert.ok(told[0]?.cause instanceof SyntaxError)
})

test('who starts while Redis is away works once it is there, and goes on working', async (t) => {
  const port = await freePort()
  const queue = { redisUrl: `redis://127.0.0.1:${port}`, prefix: 'late' }
  const done: string[] = []
  let refused = 0
  const handle = async ({ buildId }: { buildId: string }) => void done.push(buildId)
  const onError = () => void (refused += 1)
  const producer = createProducer('build', queue, quiet)
  const consumer = createConsumer('build', queue, handle, { concurrency: 2, graceMs: 100, onError })
  t.after(async () => {
    await consumer.close()
    await producer.close()
  })
  // Each of its connections has been refused.
  await waitFor(() => refused >= 6, { timeoutMs: 30_000, what: 'refused connections' })
  const later = await mkdtemp(join(tmpdir(), 'slipway-queue-'))
  const started = await startRedis({ directory: later, port })
  t.after(async () => {
    await started.stop()
    await rm(later, { recursive: true, force: true })
  })
  // What is there when it looks for the first time, and what comes while it waits.
  for (let number = 1; number <= 5; number++) {
    const enqueue = () => producer.enqueue(`late-${number}`, { buildId: `late ${number}` })
    await waitFor(
      () =>
        enqueue().then(
          () => true,
          () => false
        ),
      { timeoutMs: 30_000, what: 'Redis to take a job' }
    )
    await waitFor(() => done.includes(`late ${number}`), { timeoutMs: 30_000, what: `job ${number} to be done` })
  }
})
