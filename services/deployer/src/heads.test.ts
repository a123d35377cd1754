import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { commits } from './deployer.fixture.ts'
import { createScene } from './forge.fixture.ts'
import { createHeads } from './heads.ts'

const { a, b, c } = commits

async function createHeadsForTest(t: TestContext, batchSize = 10) {
  const scene = await createScene(t)
  const { common, connections, opened, state } = scene
  let clockReads = 0
  return {
    ...scene,
    /**
     * Once the round is over whose last question was asked: it reads the clock at its end, and before that as often as is said here.
     * Time that passes earlier is lost on it.
     */
    async roundOver(readsBefore = 0) {
      const reads = clockReads
      await waitFor(() => clockReads > reads + readsBefore, { timeoutMs: 20_000, what: 'the end of the round' })
    },
    begin() {
      const heads = createHeads({
        ...common,
        monotonicNow() {
          clockReads += 1
          return common.monotonicNow()
        },
        connections,
        everyMs: 1000,
        batch: { size: batchSize, paceMs: 1 }
      })
      opened.push(heads)
      return heads
    },
    headCalls: () => state.calls.filter((call) => call.startsWith('head')).length
  }
}

test('at its start it queues the heads that were missed, and nothing else, whatever the number of repositories', async (t) => {
  const { begin, repository, observe, waiting, headCalls, queuedCount } = await createHeadsForTest(t, 3)
  for (let i = 1; i <= 8; i++) await observe(await repository(i, i === 5 ? b : a), a)
  const unseen = await repository(9, c)
  begin()
  await waitFor(async () => (await waiting()).length === 2, { timeoutMs: 20_000, what: 'the missed heads' })
  assert.deepEqual(await waiting(), ['head b', 'head c'])
  assert.deepEqual([headCalls(), queuedCount()], [9, 2])
  assert.equal(unseen.installationId, '3')
})

test('a disconnected and a suspended repository are not asked after', async (t) => {
  const { begin, store, now, repository, headCalls, state } = await createHeadsForTest(t)
  const { id } = await repository(1, a)
  await store.repositories.disconnect(id, now())
  await repository(2, a)
  await store.repositories.setSuspended('github', '3', true, now())
  begin()
  await sleep(50)
  assert.equal(headCalls(), 0)
  assert.deepEqual(state.calls, [])
})

test('it asks again when its time has come, and not before', async (t) => {
  const { begin, repository, observe, waiting, headCalls, roundOver, state, pass } = await createHeadsForTest(t)
  await observe(await repository(1, a), a)
  const heads = begin()
  await waitFor(() => headCalls() === 1, { timeoutMs: 20_000 })
  state.heads.set('1 refs/heads/main', b)
  await roundOver()
  await sleep(30)
  assert.equal(headCalls(), 1)
  pass(1200)
  await waitFor(async () => (await waiting()).length === 1, { timeoutMs: 20_000, what: 'the next round' })
  heads.wake()
  await waitFor(() => headCalls() >= 3, { timeoutMs: 20_000, what: 'a round that was asked for' })
})

test('a forge that is away is left alone for longer each time, and asked on from where it was', async (t) => {
  const { begin, repository, observe, waiting, headCalls, roundOver, state, pass } = await createHeadsForTest(t, 2)
  for (let i = 1; i <= 4; i++) await observe(await repository(i, b), a)
  state.failure = new Failure('unavailable', 'away')
  begin()
  await waitFor(() => headCalls() === 2, { timeoutMs: 20_000 })
  await roundOver()
  assert.equal(headCalls(), 2, 'the rest is not even asked')
  state.failure = null
  pass(1200)
  await waitFor(async () => (await waiting()).length === 2, { timeoutMs: 20_000, what: 'the second half' })
  await roundOver()
  pass(1200)
  await waitFor(async () => (await waiting()).length === 4, { timeoutMs: 20_000, what: 'the first half' })
})

test('a repository that cannot be asked after does not keep the others from it', async (t) => {
  const { begin, forge, repository, observe, waiting } = await createHeadsForTest(t, 2)
  for (let i = 1; i <= 3; i++) await observe(await repository(i, b), a)
  const { findHead } = forge
  forge.findHead = (one, ...rest) =>
    one.forgeRepositoryId === '1' ? Promise.reject(new Failure('unavailable', 'odd')) : findHead(one, ...rest)
  begin()
  await waitFor(async () => (await waiting()).length === 2, { timeoutMs: 20_000, what: 'the others' })
})

test('a rate limit pauses the installation that it is for, for as long as the forge says, and no other', async (t) => {
  const { begin, forge, repository, observe, waiting, roundOver, pass, state } = await createHeadsForTest(t)
  state.installations.set('4', { isSuspended: false })
  await observe(await repository(1, b), a)
  await observe(await repository(2, b, { installationId: '4' }), a)
  const { findHead } = forge
  let limited = 0
  let isLimited = true
  forge.findHead = (one, ...rest) => {
    if (one.installationId !== '3' || !isLimited) return findHead(one, ...rest)
    limited += 1
    return Promise.reject(new Failure('rate-limited', 'enough', { retryAfterMs: 10_000 }))
  }
  begin()
  await waitFor(async () => (await waiting()).length === 1, { timeoutMs: 20_000, what: 'the other installation' })
  await waitFor(() => limited === 1, { timeoutMs: 20_000, what: 'the limit' })
  // Until when the installation is left alone is counted from a reading of its own.
  await roundOver(1)
  for (let round = 0; round < 4; round++) {
    pass(1200)
    await sleep(30)
  }
  assert.equal(limited, 1)
  isLimited = false
  pass(6000)
  await waitFor(async () => (await waiting()).length === 2, { timeoutMs: 20_000, what: 'the limited one' })
})

test('another default branch is noticed where the former one has no head any more', async (t) => {
  const { begin, repository, observe, waiting, state, store } = await createHeadsForTest(t)
  const { id } = await repository(1, a)
  await observe({ id }, a)
  const found = state.repositories.get('1')
  assert.ok(found)
  state.repositories.set('1', { ...found, defaultBranch: 'trunk' })
  state.heads.delete('1 refs/heads/main')
  state.heads.set('1 refs/heads/trunk', b)
  begin()
  await waitFor(async () => (await waiting()).length === 1, { timeoutMs: 20_000, what: 'the new branch' })
  assert.equal((await store.repositories.get(id))?.defaultBranch, 'trunk')
  assert.deepEqual(await store.removals.due(1e12, 10), [])
})

test('a branch without a head is remembered as gone, an answer that is not clear is not', async (t) => {
  const { begin, repository, observe, state, store, forge, pass, headCalls } = await createHeadsForTest(t)
  await observe(await repository(1, a), a)
  const { findHead } = forge
  forge.findHead = async (...args) => {
    await findHead(...args)
    throw new Failure('unavailable', 'away')
  }
  begin()
  await waitFor(() => headCalls() === 1, { timeoutMs: 20_000 })
  assert.deepEqual(await store.removals.due(1e12, 10), [])
  forge.findHead = findHead
  state.heads.clear()
  pass(1200)
  const gone = await waitFor(async () => (await store.removals.due(1e12, 10))[0] ?? null, { timeoutMs: 20_000 })
  assert.equal(gone.ref, 'refs/heads/main')
  state.heads.set('1 refs/heads/main', a)
  pass(1200)
  await waitFor(async () => (await store.removals.due(1e12, 10)).length === 0, {
    timeoutMs: 20_000,
    what: 'its return'
  })
})

test('whoever does not lead asks nothing', async (t) => {
  const { common, connections, opened, repository, state } = await createScene(t)
  await repository(1, a)
  opened.push(createHeads({ ...common, connections, everyMs: 1, isLeader: () => false }))
  await sleep(30)
  assert.deepEqual(state.calls, [])
})

test('a repository that is known from a delivery alone is looked at, so that its loss can be told later', async (t) => {
  const { begin, repository, store, state, now } = await createHeadsForTest(t)
  const found = { ...(await repository(1, a)), seenBy: null }
  const first = state.repositories.get('1')
  assert.ok(first)
  state.repositories.set('2', { ...first, forgeRepositoryId: '2' })
  state.heads.set('2 refs/heads/main', a)
  const owner = { forgeOwnerId: '1', login: 'alice' }
  const said = { ...found, forgeRepositoryId: '2', name: 'r2', fullName: 'alice/r2', owner }
  const { id } = await store.repositories.connect('github', said, now())
  assert.equal((await store.repositories.get(id))?.seenBy, null)
  begin()
  await waitFor(async () => (await store.repositories.get(id))?.seenBy === 'app/1', { timeoutMs: 20_000 })
  assert.equal((await store.repositories.get(id))?.connectionSeenBy, 'app/1')
})
