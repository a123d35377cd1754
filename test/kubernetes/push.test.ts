import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { CoreV1Api, DiscoveryV1Api, NetworkingV1Api } from '@kubernetes/client-node'
import { freePort, waitFor } from '@slipway/machine'
import { asking, call, callAllTheTime, saying, stackOf } from '../system/scene.ts'
import { nodeAddress } from './ground.ts'
import { live, openPushGround, type PushGround } from './push-ground.fixture.ts'

let ground: PushGround
let innerPort: number

before(async () => {
  innerPort = await freePort()
  const inner = { KUBERNETES_INNER_GATEWAY: 'default/gateway', INNER_HOST: nodeAddress, INNER_PORT: String(innerPort) }
  // This machine is the local cluster's node; another one's pods may not reach it.
  ground = await openPushGround(process.env.KUBECONFIG === undefined ? inner : {})
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

/** The gateway of these tests is outside of the cluster: a Service without pods leads to it. */
async function leadToGateway(): Promise<void> {
  const named = { name: 'gateway', namespace: 'default' }
  const spec = { ports: [{ name: 'inner', port: 8080, targetPort: innerPort }] }
  await ground.config
    .makeApiClient(CoreV1Api)
    .createNamespacedService({ namespace: 'default', body: { metadata: named, spec } })
  await ground.config.makeApiClient(DiscoveryV1Api).createNamespacedEndpointSlice({
    namespace: 'default',
    body: {
      metadata: { ...named, labels: { 'kubernetes.io/service-name': 'gateway' } },
      addressType: 'IPv4',
      ports: [{ name: 'inner', port: innerPort }],
      endpoints: [{ addresses: [nodeAddress] }]
    }
  })
}

test('a function calls others of its owner by all names of the gateway, and as nobody those of other owners', async (t) => {
  if (ground.cluster.local === null) {
    t.diagnostic("somebody else's pods may not reach a gateway of this machine")
    return
  }
  await leadToGateway()
  const mine = await ground.scene.repository({ owner: 'erin' })
  const theirs = await ground.scene.repository({ owner: 'frank' })
  const [one, other] = await Promise.all([
    mine.push({
      'stack.yml': stackOf({ front: {}, back: {} }),
      'front/handler.js': asking,
      'back/handler.js': saying('of the same owner')
    }),
    theirs.push({ 'stack.yml': stackOf({ closed: {} }), 'closed/handler.js': saying('of another owner') })
  ])
  await live(mine, one)
  await live(theirs, other)
  const { api } = ground.scene.installation
  await api.setAccess({ owner: 'erin', name: 'back', access: 'owner' })
  await api.setAccess({ owner: 'frank', name: 'closed', access: 'owner' })
  const isClosed = async (path: string) => (await call(ground.scene, path)).status === 401
  for (const path of ['/function/erin-back', '/function/frank-closed'])
    await waitFor(() => isClosed(path), { timeoutMs: 30_000, what: `${path} to be closed` })

  const asked = async (url: string) =>
    (await call(ground.scene, `/function/erin-front?url=${encodeURIComponent(url)}`)).body.replace(/\{.*/s, '')
  const isHeard = async () => (await asked('http://gateway:8080/function/back')) === '200 of the same owner'
  await waitFor(isHeard, { timeoutMs: 60_000, what: 'the node to lead to the gateway' })
  for (const name of ['gateway', 'gateway.openfaas', 'gateway.openfaas.svc.cluster.local'])
    assert.equal(await asked(`http://${name}:8080/function/back`), '200 of the same owner', name)
  assert.equal(await asked('http://gateway:8080/function/closed.frank'), '401 ')
  assert.equal(await asked('http://gateway:8080/function/closed'), '404 ')
  assert.equal(await asked('http://gateway:8080/system/functions'), '404 ')
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
