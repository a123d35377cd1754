import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Failure, type ReceivedDelivery } from '@slipway/domain'
import { createStore } from '@slipway/store'
import { startRecorder } from './recorder.ts'

async function fileForTest(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-recorder-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'store.sqlite')
}

function ping(deliveryId: string): { forgeId: string; delivery: ReceivedDelivery } {
  return { forgeId: 'github', delivery: { deliveryId, eventName: 'ping', event: { kind: 'ping' } } }
}

test('what the thread recorded is in the store, for others and after its end', async (t) => {
  const file = await fileForTest(t)
  const recorder = await startRecorder({ url: null, file })
  await recorder.ping()
  const [first, second] = await Promise.all([
    recorder.deliveries.record([ping('a'), ping('b')], null, 1),
    recorder.deliveries.record([ping('b')], null, 2)
  ])
  assert.deepEqual(
    [...first, ...second].map(({ outcome }) => outcome),
    ['accepted', 'accepted', 'duplicate']
  )
  await recorder.close()
  const store = await createStore({ url: null, file })
  t.after(() => store.close())
  const deliveries = await store.deliveries.list(null, { before: null, limit: 10 })
  assert.deepEqual(
    deliveries.map(({ deliveryId }) => deliveryId),
    ['b', 'a']
  )
})

test('a store that cannot be opened is told as by the store itself', async (t) => {
  const file = await fileForTest(t)
  await writeFile(file, 'this is no database, and long enough to be taken for one'.repeat(20))
  await assert.rejects(
    startRecorder({ url: null, file }),
    (err) => err instanceof Failure && /not a SQLite database/.test(err.message)
  )
})

test('a bug in the store is told with its stack', async (t) => {
  const recorder = await startRecorder({ url: null, file: await fileForTest(t) })
  t.after(() => recorder.close())
  const broken = { forgeId: 'github', delivery: {} as ReceivedDelivery }
  await assert.rejects(recorder.deliveries.record([broken], null, 1), (err) => {
    assert.ok(err instanceof Error && !(err instanceof Failure))
    assert.match(err.stack ?? '', /TypeError[^]*delivery-record\.ts/)
    return true
  })
})
