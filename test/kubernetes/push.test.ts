import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { CoreV1Api, NetworkingV1Api } from '@kubernetes/client-node'
import { waitFor } from '@slipway/machine'
import { call, callAllTheTime, saying, stackOf } from '../system/scene.ts'
import { live, openPushGround, type PushGround } from './push-ground.fixture.ts'

let ground: PushGround
before(async () => {
  ground = await openPushGround()
})
after(() => ground?.close())

test('a git push becomes a function that answers, under its owner, with nothing that it does not need', async () => {
  const repository = await ground.scene.repository({ owner: 'alice' })
  const commit = await repository.push({
    'stack.yml': stackOf({ hello: {} }),
    'hello/handler.js': saying('hello from Kubernetes')
  })
  const build = await repository.ended(commit)
  assert.deepEqual([build.status, build.reason], ['live', null])
  assert.equal((await call(ground.scene, '/function/alice-hello')).body, 'hello from Kubernetes')
  const [pod] = await ground.podsOf('slipway-alice')
  assert.equal(pod?.spec?.securityContext?.runAsNonRoot, true)
  assert.equal(pod.spec.automountServiceAccountToken, false)
  const policies = await ground.config
    .makeApiClient(NetworkingV1Api)
    .listNamespacedNetworkPolicy({ namespace: 'slipway-alice' })
  assert.equal(policies.items.length, 1)
})

test('a new version takes over without a dropped request; one that crashes is told by its own words, and the former one serves', async (t) => {
  const repository = await ground.scene.repository({ owner: 'busy' })
  const first = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('version 0') })
  await live(repository, first)
  const client = callAllTheTime(ground.scene, '/function/busy-hello')
  t.after(() => client.stop())
  for (const version of [1, 2]) {
    const commit = await repository.push({ 'hello/handler.js': saying(`version ${version}`) })
    await live(repository, commit)
    assert.equal((await call(ground.scene, '/function/busy-hello')).body, `version ${version}`)
  }
  const broken = await repository.push({ 'hello/handler.js': "throw new Error('no database')" })
  const build = await repository.ended(broken)
  assert.equal(build.status, 'failed')
  assert.match(build.functions[0]?.reason ?? '', /exited with code 1 before it was ready[\s\S]*no database/)
  assert.equal((await call(ground.scene, '/function/busy-hello')).body, 'version 2')
  const { calls, failed } = await client.stop()
  assert.ok(calls > 50)
  assert.deepEqual(failed, [])
  await waitFor(async () => (await ground.podsOf('slipway-busy')).length === 1, { timeoutMs: 30_000 })
})

test('rollback, scale, and a function that left the stack', async () => {
  const { api } = ground.scene.installation
  const repository = await ground.scene.repository({ owner: 'carol' })
  const first = await repository.push({
    'stack.yml': stackOf({ hello: {}, other: {} }),
    'hello/handler.js': saying('first'),
    'other/handler.js': saying('other')
  })
  await live(repository, first)
  const second = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('second') })
  await live(repository, second)
  assert.equal((await call(ground.scene, '/function/carol-other')).status, 404)
  await waitFor(async () => (await ground.podsOf('slipway-carol')).length === 1, { timeoutMs: 30_000 })

  await api.scaleFunction({ owner: 'carol', name: 'hello', replicas: 3 })
  assert.equal((await ground.podsOf('slipway-carol')).length, 3)

  await api.rollback({ owner: 'carol', name: 'hello' })
  await waitFor(async () => (await call(ground.scene, '/function/carol-hello')).body === 'first', { timeoutMs: 60_000 })
})

test('a pod that somebody removes comes back, and the API server may start again in the middle of a roll-out', async (t) => {
  const { local } = ground.cluster
  if (local === null) {
    t.diagnostic("the API server of somebody else's cluster is not restarted")
    return
  }
  const repository = await ground.scene.repository({ owner: 'dave' })
  const first = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('before') })
  await live(repository, first)
  const second = await repository.push({ 'hello/handler.js': saying('after') })
  await waitFor(
    async () => (await ground.scene.installation.api.listBuilds({ commit: second })).items[0]?.status === 'deploying',
    { timeoutMs: 60_000 }
  )
  await local.restartApi()
  await live(repository, second)
  assert.equal((await call(ground.scene, '/function/dave-hello')).body, 'after')

  const [pod] = await ground.podsOf('slipway-dave')
  await ground.config
    .makeApiClient(CoreV1Api)
    .deleteNamespacedPod({ namespace: 'slipway-dave', name: pod?.metadata?.name ?? '', gracePeriodSeconds: 0 })
  await waitFor(async () => (await call(ground.scene, '/function/dave-hello')).body === 'after', { timeoutMs: 60_000 })
})
