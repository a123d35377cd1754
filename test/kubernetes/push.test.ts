import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { CoreV1Api, KubeConfig, NetworkingV1Api } from '@kubernetes/client-node'
import { waitFor } from '@slipway/machine'
import { call, callAllTheTime, createScene, type Scene, saying, stackOf, type TestRepository } from '../system/scene.ts'
import { openCluster, type TestCluster } from './ground.fixture.ts'

let directory: string
let cluster: TestCluster
let scene: Scene
const config = new KubeConfig()

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-kubernetes-'))
  cluster = await openCluster(directory)
  config.loadFromFile(cluster.kubeconfig)
  // The gateway of these tests is outside of the cluster.
  scene = await createScene({
    CLUSTER: 'kubernetes',
    KUBECONFIG: cluster.kubeconfig,
    KUBERNETES_GATEWAYS: '0.0.0.0/0',
    READY_TIMEOUT_MS: '60000'
  })
})
after(async () => {
  await scene.close()
  await cluster.close()
  await rm(directory, { recursive: true, force: true })
})

async function live(repository: TestRepository, commit: string): Promise<void> {
  const { status, reason } = await repository.ended(commit, 120_000)
  assert.deepEqual([status, reason], ['live', null])
}

const podsOf = async (namespace: string) =>
  (await config.makeApiClient(CoreV1Api).listNamespacedPod({ namespace })).items.filter(
    ({ metadata }) => metadata?.deletionTimestamp === undefined
  )

test('a git push becomes a function that answers, under its owner, with nothing that it does not need', async () => {
  const repository = await scene.repository({ owner: 'alice' })
  const commit = await repository.push({
    'stack.yml': stackOf({ hello: {} }),
    'hello/handler.js': saying('hello from Kubernetes')
  })
  const build = await repository.ended(commit)
  assert.deepEqual([build.status, build.reason], ['live', null])
  assert.equal((await call(scene, '/function/alice-hello')).body, 'hello from Kubernetes')
  const [pod] = await podsOf('slipway-alice')
  assert.equal(pod?.spec?.securityContext?.runAsNonRoot, true)
  assert.equal(pod.spec.automountServiceAccountToken, false)
  const policies = await config
    .makeApiClient(NetworkingV1Api)
    .listNamespacedNetworkPolicy({ namespace: 'slipway-alice' })
  assert.equal(policies.items.length, 1)
})

test('a new version takes over without a dropped request; one that crashes is told by its own words, and the former one serves', async () => {
  const repository = await scene.repository({ owner: 'busy' })
  const first = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('version 0') })
  await live(repository, first)
  const client = callAllTheTime(scene, '/function/busy-hello')
  for (const version of [1, 2]) {
    const commit = await repository.push({ 'hello/handler.js': saying(`version ${version}`) })
    await live(repository, commit)
    assert.equal((await call(scene, '/function/busy-hello')).body, `version ${version}`)
  }
  const broken = await repository.push({ 'hello/handler.js': "throw new Error('no database')" })
  const build = await repository.ended(broken)
  assert.equal(build.status, 'failed')
  assert.match(build.functions[0]?.reason ?? '', /exited with code 1 before it was ready[\s\S]*no database/)
  assert.equal((await call(scene, '/function/busy-hello')).body, 'version 2')
  const { calls, failed } = await client.stop()
  assert.ok(calls > 50)
  assert.deepEqual(failed, [])
  await waitFor(async () => (await podsOf('slipway-busy')).length === 1, { timeoutMs: 30_000 })
})

test('rollback, scale, and a function that left the stack', async () => {
  const { api } = scene.installation
  const repository = await scene.repository({ owner: 'carol' })
  const first = await repository.push({
    'stack.yml': stackOf({ hello: {}, other: {} }),
    'hello/handler.js': saying('first'),
    'other/handler.js': saying('other')
  })
  await live(repository, first)
  const second = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('second') })
  await live(repository, second)
  assert.equal((await call(scene, '/function/carol-other')).status, 404)
  await waitFor(async () => (await podsOf('slipway-carol')).length === 1, { timeoutMs: 30_000 })

  await api.scaleFunction({ owner: 'carol', name: 'hello', replicas: 3 })
  assert.equal((await podsOf('slipway-carol')).length, 3)

  await api.rollback({ owner: 'carol', name: 'hello' })
  await waitFor(async () => (await call(scene, '/function/carol-hello')).body === 'first', { timeoutMs: 60_000 })
})

test('a pod that somebody removes comes back, and the API server may start again in the middle of a roll-out', async (t) => {
  const { local } = cluster
  if (local === null) {
    t.diagnostic("the API server of somebody else's cluster is not restarted")
    return
  }
  const repository = await scene.repository({ owner: 'dave' })
  const first = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('before') })
  await live(repository, first)
  const second = await repository.push({ 'hello/handler.js': saying('after') })
  await waitFor(
    async () => (await scene.installation.api.listBuilds({ commit: second })).items[0]?.status === 'deploying',
    { timeoutMs: 60_000 }
  )
  await local.restartApi()
  await live(repository, second)
  assert.equal((await call(scene, '/function/dave-hello')).body, 'after')

  const [pod] = await podsOf('slipway-dave')
  await config
    .makeApiClient(CoreV1Api)
    .deleteNamespacedPod({ namespace: 'slipway-dave', name: pod?.metadata?.name ?? '', gracePeriodSeconds: 0 })
  await waitFor(async () => (await call(scene, '/function/dave-hello')).body === 'after', { timeoutMs: 60_000 })
})
