import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure, pinnedReference } from '@slipway/domain'
import { imageOf, pushOf, seedLive, seedPush, specOf } from '@slipway/testing'
import { commits, createApiForTest } from './api.fixture.ts'

test('a function says what is live, where, and what was before', async (t) => {
  const { api, store } = await createApiForTest(t)
  const functions = [{ spec: specOf('hello'), image: imageOf('hello') }]
  await seedLive(store, pushOf(commits.a), functions, Date.now())
  await seedLive(store, pushOf(commits.b, { before: commits.a }), functions, Date.now())
  const hello = await api.getFunction({ owner: 'alice', name: 'hello' })
  assert.deepEqual([hello.url, hello.live?.commit], ['http://gateway.test/function/alice-hello', commits.b])
  const { items } = await api.listDeployments({ owner: 'alice', name: 'hello' })
  assert.deepEqual(
    items.map(({ commit, status }) => [commit, status]),
    [
      [commits.b, 'live'],
      [commits.a, 'draining']
    ]
  )
})

test('a rollback goes to the deployment before, unless another is named, and is in the audit log', async (t) => {
  const { api, store } = await createApiForTest(t)
  const functions = [{ spec: specOf('hello'), image: imageOf('hello') }]
  const [first] = await seedLive(store, pushOf(commits.a), functions, Date.now())
  await assert.rejects(
    api.rollback({ owner: 'alice', name: 'hello' }),
    (err) => err instanceof Failure && err.code === 'conflict'
  )
  await seedLive(store, pushOf(commits.b, { before: commits.a }), functions, Date.now())
  await store.deployments.end(first?.id ?? '', 'ended', null, Date.now())
  const build = await api.rollback({ owner: 'alice', name: 'hello' })
  assert.deepEqual([build.trigger, build.status], ['rollback', 'deploying'])
  const [part] = (await api.getBuild({ id: build.id })).functions
  assert.equal(part?.deploymentId, first?.id)
  const [entry] = await store.audit.list(null, { before: null, limit: 1 })
  assert.deepEqual([entry?.action, entry?.actor, entry?.detail.to], ['rollback', 'administrator', first?.id])
})

test('a deployment of another function cannot be rolled back to', async (t) => {
  const { api, store } = await createApiForTest(t)
  const [hello, other] = await seedLive(
    store,
    pushOf(commits.a),
    [
      { spec: specOf('hello'), image: imageOf('hello') },
      { spec: specOf('other'), image: imageOf('other') }
    ],
    Date.now()
  )
  assert.ok(hello && other)
  await assert.rejects(
    api.rollback({ owner: 'alice', name: 'hello', deploymentId: other.id }),
    (err) => err instanceof Failure && err.code === 'not-found'
  )
})

test('pause, resume, scale and remove do what they say', async (t) => {
  const { api, store, scaled } = await createApiForTest(t)
  const [deployment] = await seedLive(
    store,
    pushOf(commits.a),
    [{ spec: specOf('hello'), image: imageOf('hello') }],
    Date.now()
  )
  const hello = { owner: 'alice', name: 'hello' }
  assert.equal((await api.pauseFunction(hello)).isPaused, true)
  assert.equal((await api.resumeFunction(hello)).function.isPaused, false)
  await api.scaleFunction({ ...hello, replicas: 3 })
  assert.equal((await api.scaleFunction({ ...hello, replicas: 0 })).live?.replicas, 0)
  const { live } = await api.scaleFunction({ ...hello, replicas: null })
  assert.deepEqual([live?.replicas, live?.isScaledByHand], [1, false])
  const id = deployment?.id
  assert.deepEqual(scaled, [
    [id, 3, 'hand'],
    [id, 0, 'hand'],
    [id, 1, 'nobody']
  ])
  await api.removeFunction(hello)
  assert.equal((await api.getFunction(hello)).live, null)
})

test('a rollback to an image that the registry lost is refused before anything is begun', async (t) => {
  const { api, store, gone } = await createApiForTest(t)
  const functions = [{ spec: specOf('hello'), image: imageOf('hello') }]
  const [first] = await seedLive(store, pushOf(commits.a), functions, Date.now())
  await seedLive(store, pushOf(commits.b, { before: commits.a }), functions, Date.now())
  gone.add(pinnedReference(imageOf('hello')))
  await assert.rejects(
    api.rollback({ owner: 'alice', name: 'hello', deploymentId: first?.id ?? '' }),
    (err) => err instanceof Failure && err.code === 'image-missing' && /build a{7,8} again/.test(err.message)
  )
  assert.equal((await api.listBuilds({ status: 'deploying' })).items.length, 0)
})

test('a redeploy is a build without building, and in the audit log', async (t) => {
  const { api, store, signals } = await createApiForTest(t)
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  const build = await api.redeployFunction({ owner: 'alice', name: 'hello' })
  assert.deepEqual([build.trigger, build.status, build.commit], ['redeploy', 'deploying', commits.a])
  assert.ok(signals.sent.includes('builds'))
  const [entry] = await store.audit.list(null, { before: null, limit: 1 })
  assert.deepEqual([entry?.action, entry?.detail.buildId], ['redeploy', build.id])
  await api.removeFunction({ owner: 'alice', name: 'hello' })
  await assert.rejects(
    api.redeployFunction({ owner: 'alice', name: 'hello' }),
    (err) => err instanceof Failure && err.code === 'conflict'
  )
})

test('what a function prints is passed on', async (t) => {
  const { api, store } = await createApiForTest(t)
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  const lines = await Array.fromAsync(api.runtimeLog('alice', 'hello', { follow: false }))
  assert.deepEqual(
    lines.map(({ text }) => text),
    ['hello from inside']
  )
})

test("a badge tells a public function's state to anybody, and nothing of a private one", async (t) => {
  const { app, store } = await createApiForTest(t)
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  const badge = async (path: string) => (await app.inject(path)).body
  assert.match(await badge('/badge/alice/hello.svg'), /hello: live/)
  assert.match(await badge('/badge/alice/nope.svg'), /nope: unknown/)
  const repository = { ...pushOf(commits.b).repository, isPrivate: true }
  await seedPush(store, pushOf(commits.b, { repository }), Date.now())
  assert.match(await badge('/badge/alice/hello.svg'), /hello: unknown/)
  assert.doesNotMatch(await badge('/badge/alice/%3Cscript%3E.svg'), /<script/)
})
