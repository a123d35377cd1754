import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { CoreV1Api, NetworkingV1Api } from '@kubernetes/client-node'
import { waitFor } from '@slipway/machine'
import { call, callAllTheTime, saying, stackOf } from '../system/scene.ts'
import { live, openPushGround, type PushGround } from './push-ground.fixture.ts'

let ground: PushGround
let core: CoreV1Api

before(async () => {
  ground = await openPushGround({
    READY_TIMEOUT_MS: '15000',
    KUBERNETES_QUOTA_PODS: '5',
    // The gateway of these tests is outside of the cluster: what leads to it is looked at, not followed.
    KUBERNETES_INGRESS: 'default/gateway:80',
    KUBERNETES_INGRESS_CLASS: 'nginx',
    KUBERNETES_INGRESS_TLS_SECRET: 'functions-{owner}',
    KUBERNETES_INGRESS_ANNOTATIONS: 'cert-manager.io/cluster-issuer=letsencrypt'
  })
  core = ground.config.makeApiClient(CoreV1Api)
})
after(() => ground?.close())

test('out of memory and never ready are told with what changes them, and the former version serves throughout', async (t) => {
  const repository = await ground.scene.repository({ owner: 'erin' })
  const first = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('fine') })
  await live(repository, first)
  const client = callAllTheTime(ground.scene, '/function/erin-hello')
  t.after(() => client.stop())

  const greedy = await repository.push({
    'stack.yml': stackOf({ hello: { more: ['limits:', '  memory: 64Mi'] } }),
    'hello/handler.js': `const eaten = []\nfor (;;) eaten.push(Buffer.alloc(1e7, 1))\n`
  })
  const killed = await repository.ended(greedy, 120_000)
  assert.equal(killed.status, 'failed')
  assert.match(killed.functions[0]?.reason ?? '', /more than its memory limit of 64 MiB: raise limits\.memory/)

  const deaf = await repository.push({
    'stack.yml': stackOf({ hello: { more: ['annotations:', '  com.openfaas.ready.http.path: /broken'] } }),
    'hello/handler.js': `module.exports = async (event, context) => context.status(500).succeed('not yet')\n`
  })
  const never = await repository.ended(deaf, 120_000)
  assert.equal(never.status, 'failed')
  assert.match(never.functions[0]?.reason ?? '', /did not become ready within \d+ s: [\s\S]*GET \/broken[\s\S]*500/)

  const { calls, failed } = await client.stop()
  assert.ok(calls > 50)
  assert.deepEqual(failed, [])
  await waitFor(async () => (await ground.podsOf('slipway-erin')).length === 1, { timeoutMs: 60_000 })
})

test('an owner who has no room left in the quota is told so, and keeps what runs', async () => {
  const repository = await ground.scene.repository({ owner: 'frank' })
  const first = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('one') })
  await live(repository, first)
  const scaled = stackOf({ hello: { more: ['labels:', '  com.openfaas.scale.min: "6"'] } })
  const second = await repository.push({ 'stack.yml': scaled, 'hello/handler.js': saying('six') })
  const build = await repository.ended(second, 120_000)
  assert.equal(build.status, 'failed')
  assert.match(build.functions[0]?.reason ?? '', /the owner's quota has no room for frank-hello: .*exceeded quota/)
  assert.equal((await call(ground.scene, '/function/frank-hello')).body, 'one')
})

test('an owner stands alone: a namespace and a policy of its own, which only its own functions and the gateway pass', async () => {
  const networking = ground.config.makeApiClient(NetworkingV1Api)
  for (const owner of ['gina', 'hugo']) {
    const repository = await ground.scene.repository({ owner })
    await live(
      repository,
      await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying(owner) })
    )
    const namespace = `slipway-${owner}`
    const [policy] = (await networking.listNamespacedNetworkPolicy({ namespace })).items
    const { podSelector, ingress = [] } = policy?.spec ?? {}
    const peers = ingress.flatMap((rule) => rule._from ?? [])
    // The client's own classes, without them.
    assert.deepEqual(JSON.parse(JSON.stringify([podSelector, ...peers])), [
      {},
      { podSelector: {} },
      { ipBlock: { cidr: '0.0.0.0/0' } }
    ])
    const { metadata } = await core.readNamespace({ name: namespace })
    assert.equal(metadata?.labels?.['pod-security.kubernetes.io/enforce'], 'restricted')
  }
  const secrets = await core.listNamespacedSecret({ namespace: 'slipway-gina' })
  assert.deepEqual(secrets.items, [], 'nothing of an account is given to functions')
})

test("a namespace of somebody else's is not taken, whatever an owner is called", async () => {
  const namespace = 'slipway-kate'
  await core.createNamespace({ body: { metadata: { name: namespace } } })
  const repository = await ground.scene.repository({ owner: 'kate' })
  const commit = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('kate') })
  const build = await repository.ended(commit, 120_000)
  assert.equal(build.status, 'failed')
  assert.match(build.functions[0]?.reason ?? '', /the namespace slipway-kate is not of this installation/)
  const { metadata } = await core.readNamespace({ name: namespace })
  assert.equal(metadata?.labels?.['com.slipway.installation'], undefined)
  assert.deepEqual((await core.listNamespacedPod({ namespace })).items, [])
})

test('a function has one name in its namespace and one way in for whatever version is live, until it leaves the stack', async () => {
  const networking = ground.config.makeApiClient(NetworkingV1Api)
  const ingresses = async () =>
    (
      await networking.listNamespacedIngress({
        namespace: 'default',
        labelSelector: 'com.slipway.owner=ines'
      })
    ).items
  const repository = await ground.scene.repository({ owner: 'ines' })
  const handlers = { 'hello/handler.js': saying('hello'), 'other/handler.js': saying('first') }
  await live(repository, await repository.push({ 'stack.yml': stackOf({ hello: {}, other: {} }), ...handlers }))
  const address = async (name: string) =>
    (await core.readNamespacedService({ name, namespace: 'slipway-ines' })).spec?.clusterIP ?? ''
  const asked = async (ip: string) =>
    fetch(`http://${ip}:8080/`, { signal: AbortSignal.timeout(2000) }).then(
      (answer) => answer.text(),
      () => null
    )
  const ip = await address('other')
  await waitFor(async () => (await asked(ip)) === 'first', { timeoutMs: 60_000 })
  await live(repository, await repository.push({ 'other/handler.js': saying('second') }))
  assert.equal(await address('other'), ip)
  assert.deepEqual(
    (await ingresses()).map(({ metadata, spec }) => [
      metadata?.name,
      metadata?.annotations?.['cert-manager.io/cluster-issuer'],
      spec?.ingressClassName,
      spec?.tls?.[0]?.secretName,
      spec?.rules?.[0]?.host,
      spec?.rules?.[0]?.http?.paths[0]?.path
    ]),
    ['hello', 'other'].map((name) => [
      `ines.${name}`,
      'letsencrypt',
      'nginx',
      'functions-ines',
      'ines.localhost',
      `/${name}`
    ])
  )
  await waitFor(async () => (await ground.podsOf('slipway-ines')).length === 2 && (await asked(ip)) === 'second', {
    timeoutMs: 60_000
  })
  await live(repository, await repository.push({ 'stack.yml': stackOf({ hello: {} }) }))
  const services = async () =>
    (await core.listNamespacedService({ namespace: 'slipway-ines' })).items.map(({ metadata }) => metadata?.name)
  await waitFor(async () => (await services()).join() === 'hello', { timeoutMs: 60_000 })
  const waysIn = async () => (await ingresses()).map(({ metadata }) => metadata?.name).join()
  await waitFor(async () => (await waysIn()) === 'ines.hello', { timeoutMs: 60_000 })
})

test('functions answer while their node is started again, and are rolled out after it', async (t) => {
  const { local } = ground.cluster
  if (local === null) {
    t.diagnostic("the node of somebody else's cluster is not restarted")
    return
  }
  const repository = await ground.scene.repository({ owner: 'jane' })
  const push = (words: string) =>
    repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying(words) })
  await live(repository, await push('before'))
  const client = callAllTheTime(ground.scene, '/function/jane-hello')
  t.after(() => client.stop())
  await local.restartNode()
  const { calls, failed } = await client.stop()
  assert.ok(calls > 0)
  assert.deepEqual(failed, [])
  await live(repository, await push('after'))
  assert.equal((await call(ground.scene, '/function/jane-hello')).body, 'after')
})
