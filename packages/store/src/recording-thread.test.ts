import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Deliveries, Failure } from '@slipway/domain'
import { pushOf } from '@slipway/testing'
import { createRecordingThread } from './recording-thread.ts'
import { createStore } from './store.ts'

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-store-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return join(directory, 'slipway.db')
}

type NewDelivery = Parameters<Deliveries['record']>[0][number]

const pushed = (deliveryId: string, commit: string): NewDelivery => ({
  forgeId: 'github',
  delivery: { deliveryId, eventName: 'push', event: { kind: 'push', push: pushOf(commit.repeat(40)) } }
})
const isUnavailable = (err: unknown) => err instanceof Failure && err.code === 'unavailable' && err.statusCode === 503

test('a thread records as the process itself does: outcome by delivery, durable before the answer', async (t) => {
  const file = temporary(t)
  const store = await createStore({ url: null, file, recordsInThread: true })
  t.after(() => store.close())
  const other = await createStore({ url: null, file })
  t.after(() => other.close())
  const [first, again] = await Promise.all([
    store.deliveries.record([pushed('1', 'a'), pushed('2', 'b')], null, 1000),
    store.deliveries.record([pushed('1', 'a'), pushed('3', 'a')], null, 2000)
  ])
  assert.deepEqual(
    [first, again].map((recorded) => recorded.map(({ outcome }) => outcome)),
    [
      ['queued', 'queued'],
      ['duplicate', 'queued']
    ]
  )
  assert.equal(again[1]?.buildId, first[0]?.buildId, 'the same push leads to the same build')
  const listed = await other.deliveries.list(null, { before: null, limit: 10 })
  assert.deepEqual(new Set(listed.map(({ deliveryId }) => deliveryId)), new Set(['1', '2', '3']))
  assert.equal((await other.builds.get(first[0]?.buildId ?? ''))?.commit, 'a'.repeat(40))
})

test('what was given to the thread is recorded before a store is closed', async (t) => {
  const file = temporary(t)
  const store = await createStore({ url: null, file, recordsInThread: true })
  const recording = store.deliveries.record([pushed('1', 'a')], null, 1000)
  await store.close()
  assert.equal((await recording)[0]?.outcome, 'queued')
})

test('a failure of the thread is one of the store: its code, and what to do', async (t) => {
  const file = temporary(t)
  writeFileSync(file, 'this is no database, but long enough to be taken for one'.repeat(100))
  const thread = await createRecordingThread(file)
  t.after(() => thread.close())
  await assert.rejects(thread.record([pushed('1', 'a')], null, 1000), (err: unknown) => {
    assert.ok(isUnavailable(err))
    assert.match((err as Failure).message, /not a SQLite database: check its path/)
    return true
  })
})

test('a thread that ends leaves nobody waiting, and the next call has another one', async (t) => {
  const words = [
    "import { parentPort } from 'node:worker_threads'",
    "parentPort.on('message', () => process.exit(1))",
    "parentPort.postMessage('ready')"
  ]
  const program = new URL(`data:text/javascript,${encodeURIComponent(words.join('\n'))}`)
  const thread = await createRecordingThread(temporary(t), program)
  t.after(() => thread.close())
  const calls = [thread.record([pushed('1', 'a')], null, 1), thread.record([pushed('2', 'b')], null, 1)]
  for (const call of calls) await assert.rejects(call, isUnavailable)
  await assert.rejects(thread.record([pushed('3', 'a')], null, 1), isUnavailable)
})
