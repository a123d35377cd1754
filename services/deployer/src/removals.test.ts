import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { imageOf, pushOf, seedLive, specOf } from '@slipway/testing'
import { commits } from './deployer.fixture.ts'
import { createScene } from './forge.fixture.ts'
import { createPresence } from './presence.ts'
import { createRemovals } from './removals.ts'

const graceMs = 60_000

/** A repository with a function that is live. */
async function createRemovalsForTest(t: TestContext) {
  const scene = await createScene(t)
  const { repository, store, now, state, common, connections, opened } = scene
  const known = await repository(7, commits.a)
  const found = state.repositories.get('7')
  assert.ok(found)
  const { isArchived: _, connection: __, ...forgeRepository } = found
  const push = pushOf(commits.a, { repository: forgeRepository })
  await seedLive(store, push, [{ spec: specOf('hello'), image: imageOf('hello') }], now())
  let switches = 0
  const loop = () => {
    const routesChanged = () => {
      switches += 1
    }
    const removals = createRemovals({ ...common, connections, graceMs, periodMs: 10, routesChanged })
    opened.push(removals)
  }
  const installation = known.installationId ?? ''
  return {
    ...scene,
    known,
    loop,
    refresh: (occasion: 'event' | 'look') =>
      connections.refreshInstallation(scene.forge, installation, occasion, scene.signal),
    routes: async () => (await store.functions.routes()).map(({ clusterName }) => clusterName),
    isDisconnected: async () => (await store.repositories.get(known.id))?.disconnectedAt !== null,
    switches: () => switches
  }
}

test('an App that was removed takes the functions with it after the grace, once the forge says it again', async (t) => {
  const { state, refresh, routes, loop, pass, store, switches, isDisconnected } = await createRemovalsForTest(t)
  state.installations.clear()
  state.repositories.clear()
  await refresh('event')
  assert.equal(await isDisconnected(), true)
  loop()
  pass(graceMs - 1)
  await sleep(60)
  assert.deepEqual(await routes(), ['alice-hello'], 'not before the grace is over')
  pass(1)
  await waitFor(async () => (await routes()).length === 0, { timeoutMs: 20_000, what: 'the removal' })
  assert.equal(switches(), 1)
  const [entry] = await store.audit.list(null, { before: null, limit: 1 })
  assert.deepEqual([entry?.action, entry?.detail.functions], ['remove-functions', ['alice-hello']])
})

test('what is back within the grace keeps everything, even when nobody said so', async (t) => {
  const { state, refresh, routes, loop, pass, isDisconnected, waiting } = await createRemovalsForTest(t)
  const { repositories } = state
  const kept = new Map(repositories)
  state.installations.clear()
  repositories.clear()
  await refresh('event')
  for (const [id, found] of kept) repositories.set(id, found)
  state.installations.set('3', { isSuspended: false })
  loop()
  pass(graceMs)
  await waitFor(async () => !(await isDisconnected()), { timeoutMs: 20_000, what: 'the connection' })
  assert.deepEqual(await routes(), ['alice-hello'])
  assert.deepEqual(await waiting(), ['connect a'], 'its branch is looked at again')
})

test('what is back is built although its connection was noted and nothing more came of it the first time', async (t) => {
  const { state, known, connections, refresh, forge, signal, isDisconnected, waiting, pass } =
    await createRemovalsForTest(t)
  const kept = new Map(state.repositories)
  state.installations.clear()
  state.repositories.clear()
  await refresh('event')
  for (const [id, found] of kept) state.repositories.set(id, found)
  state.installations.set('3', { isSuspended: false })
  pass(1000)
  const findHead = () => Promise.reject(new Failure('unavailable', 'away in between'))
  const again = connections.refreshInstallation({ ...forge, findHead }, known.installationId ?? '', 'event', signal)
  await assert.rejects(again, { code: 'unavailable' })
  assert.equal(await isDisconnected(), false)
  assert.deepEqual(await waiting(), [])
  await refresh('look')
  assert.deepEqual(await waiting(), ['connect a'])
  await refresh('look')
  assert.deepEqual(await waiting(), ['connect a'], 'once')
})

for (const [what, change] of [
  ['an outage', { failure: new Failure('unavailable', 'away') }],
  ['refused credentials', { failure: new Failure('invalid-configuration', 'bad key') }],
  ['a suspended installation', { failure: new Failure('forbidden', 'This installation has been suspended') }],
  ['another App', { identity: 'app/2' }]
] as const) {
  test(`${what} removes nothing`, async (t) => {
    const { state, refresh, routes, loop, pass, store } = await createRemovalsForTest(t)
    state.installations.clear()
    state.repositories.clear()
    await refresh('event')
    Object.assign(state, change)
    loop()
    pass(graceMs)
    const asked = state.calls.length
    await waitFor(() => state.calls.length > asked, { timeoutMs: 20_000, what: 'the question' })
    await sleep(40)
    assert.deepEqual(await routes(), ['alice-hello'])
    assert.deepEqual(await store.audit.list(null, { before: null, limit: 1 }), [])
    assert.ok(state.calls.length < asked + 5, 'the forge is not asked all the time')
  })
}

test('when nobody tells of a loss it is found by looking, but only by who saw it before', async (t) => {
  const { state, common, connections, opened, isDisconnected, pass } = await createRemovalsForTest(t)
  state.installations.clear()
  state.repositories.clear()
  state.identity = 'app/2'
  opened.push(createPresence({ ...common, connections, everyMs: 1000 }))
  await waitFor(() => state.calls.includes('repository 7'), { timeoutMs: 20_000 })
  await sleep(20)
  assert.equal(await isDisconnected(), false)
  state.identity = 'app/1'
  pass(1200)
  await waitFor(isDisconnected, { timeoutMs: 20_000, what: 'the loss' })
})

test('an App that was installed anew under another number is the same connection', async (t) => {
  const { state, common, connections, opened, isDisconnected, store, known } = await createRemovalsForTest(t)
  const found = state.repositories.get('7')
  assert.ok(found)
  state.installations.clear()
  state.installations.set('9', { isSuspended: false })
  state.repositories.set('7', { ...found, installationId: '9' })
  opened.push(createPresence({ ...common, connections, everyMs: 1000 }))
  const installationId = async () => (await store.repositories.get(known.id))?.installationId
  await waitFor(async () => (await installationId()) === '9', { timeoutMs: 20_000, what: 'the new number' })
  assert.equal(await isDisconnected(), false)
})

test('a suspended App pauses: nothing is disconnected or removed, and afterwards it goes on', async (t) => {
  const { state, refresh, routes, loop, pass, store, known, isDisconnected } = await createRemovalsForTest(t)
  state.installations.set('3', { isSuspended: true })
  await refresh('event')
  loop()
  pass(10 * graceMs)
  await sleep(50)
  assert.deepEqual([await routes(), await isDisconnected()], [['alice-hello'], false])
  assert.notEqual((await store.repositories.get(known.id))?.suspendedAt, null)
  state.installations.set('3', { isSuspended: false })
  await refresh('event')
  assert.equal((await store.repositories.get(known.id))?.suspendedAt, null)
})

test('a public repository that the App was taken from is lost though everybody sees it', async (t) => {
  const { state, refresh, routes, loop, pass, isDisconnected } = await createRemovalsForTest(t)
  const found = state.repositories.get('7')
  assert.ok(found)
  state.repositories.set('7', { ...found, installationId: null, connection: 'gone' })
  await refresh('event')
  assert.equal(await isDisconnected(), true)
  loop()
  pass(graceMs)
  await waitFor(async () => (await routes()).length === 0, { timeoutMs: 20_000, what: 'the removal' })
})

test('a deleted production branch takes the functions after the grace, one that is back keeps them', async (t) => {
  const { state, store, known, now, routes, loop, pass, waiting } = await createRemovalsForTest(t)
  state.heads.clear()
  await store.heads.settle(known.id, 'refs/heads/main', null, now())
  loop()
  pass(graceMs)
  state.heads.set('7 refs/heads/main', commits.a)
  await waitFor(async () => (await store.removals.due(1e12, 10)).length === 0, {
    timeoutMs: 20_000,
    what: 'its return'
  })
  assert.deepEqual([await routes(), await waiting()], [['alice-hello'], []])
  state.heads.clear()
  await store.heads.settle(known.id, 'refs/heads/main', null, now())
  pass(graceMs + 600_000)
  await waitFor(async () => (await routes()).length === 0, { timeoutMs: 20_000, what: 'the removal' })
  const [entry] = await store.audit.list(null, { before: null, limit: 1 })
  assert.match(String(entry?.detail.reason), /branch main of alice\/r7 was deleted/)
})

test('a branch that is gone because another one is the default now removes nothing', async (t) => {
  const { state, store, known, now, routes, loop, pass } = await createRemovalsForTest(t)
  await store.heads.settle(known.id, 'refs/heads/main', null, now())
  state.heads.clear()
  const found = state.repositories.get('7')
  assert.ok(found)
  state.repositories.set('7', { ...found, defaultBranch: 'trunk' })
  loop()
  pass(graceMs)
  await waitFor(async () => (await store.removals.due(1e12, 10)).length === 0, { timeoutMs: 20_000 })
  assert.deepEqual(await routes(), ['alice-hello'])
})
