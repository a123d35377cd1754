import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure, type RecordedDelivery } from '@slipway/domain'
import { createGroupCommit, type GroupCommitOptions } from './group-commit.ts'

type Write = Parameters<typeof createGroupCommit>[0]

const recorded: RecordedDelivery = { outcome: 'accepted', reason: null, buildId: null }
const options: GroupCommitOptions = { batchLimit: 10, waitingLimit: 20, timeoutMs: 1000, notify: () => {} }
const ping = (deliveryId: string) => ({ deliveryId, eventName: 'ping', event: { kind: 'ping' as const } })
const isUnavailable = (err: unknown) => err instanceof Failure && err.code === 'unavailable' && err.statusCode === 503

/** A store that answers when it is told to, and keeps what it was given. */
function createSlowStore() {
  const batches: string[][] = []
  const go = Promise.withResolvers<void>()
  const write: Write = async (batch) => {
    batches.push(batch.map(({ delivery }) => delivery.deliveryId ?? ''))
    await go.promise
    return batch.map(() => recorded)
  }
  return { batches, write, answer: () => go.resolve() }
}

test('deliveries that come while one is written are written together, no more than a batch', async () => {
  const store = createSlowStore()
  const commits = createGroupCommit(store.write, options)
  const first = commits.record('github', ping('first'))
  while (store.batches.length === 0) await new Promise(setImmediate)
  const others = Array.from({ length: 12 }, (_none, i) => commits.record('github', ping(String(i))))
  store.answer()
  assert.deepEqual(
    await Promise.all([first, ...others]),
    Array.from({ length: 13 }, () => recorded)
  )
  assert.deepEqual(
    store.batches.map(({ length }) => length),
    [1, 10, 2]
  )
})

test('with too many waiting for the store one more is refused at once, and none is kept', async () => {
  const store = createSlowStore()
  const commits = createGroupCommit(store.write, { ...options, waitingLimit: 3, timeoutMs: 60_000 })
  const first = commits.record('github', ping('first'))
  while (store.batches.length === 0) await new Promise(setImmediate)
  const waiting = ['a', 'b', 'c'].map((id) => commits.record('github', ping(id)))
  await assert.rejects(commits.record('github', ping('one too many')), isUnavailable)
  store.answer()
  await Promise.all([first, ...waiting])
  assert.deepEqual(store.batches, [['first'], ['a', 'b', 'c']])
  assert.deepEqual(await commits.record('github', ping('later')), recorded)
})

test('deliveries whose time is over count as waiting until they are written, and are written', async () => {
  const store = createSlowStore()
  const commits = createGroupCommit(store.write, { ...options, waitingLimit: 2, timeoutMs: 20 })
  const late = ['first', 'a', 'b'].map(async (id, i) => {
    while (i > 0 && store.batches.length === 0) await new Promise(setImmediate)
    await assert.rejects(commits.record('github', ping(id)), isUnavailable)
  })
  await Promise.all(late)
  await assert.rejects(commits.record('github', ping('refused')), /too many/)
  store.answer()
  while (store.batches.length < 2) await new Promise(setImmediate)
  assert.deepEqual(store.batches, [['first'], ['a', 'b']])
})
