import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { AppsV1Api, CoreV1Api, NetworkingV1Api, PolicyV1Api } from '@kubernetes/client-node'
import { Failure } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { deploymentOf, testCluster } from '@slipway/testing'
import { openGround, type TestGround } from './ground.fixture.ts'

let ground: TestGround
before(async () => {
  ground = await openGround()
})
after(() => ground?.close())

testCluster('kubernetes', () => {
  const cluster = ground.cluster()
  const fetchText = async ({ host, port }: { host: string; port: number }, path: string) => {
    const answer = await fetch(`http://${host}:${port}${path}`, { signal: AbortSignal.timeout(10_000) })
    if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}`)
    return answer.text()
  }
  return Promise.resolve({
    cluster,
    impatient: ground.cluster({ readyTimeoutMs: 4000 }),
    other: ground.cluster({ installation: randomUUID() }),
    away: ground.cluster({ kubeconfig: ground.awayKubeconfig }),
    image: ground.image,
    missingImage: { ...ground.image, digest: `sha256:${'0'.repeat(64)}` },
    stopReplicas: null,
    tellsStreams: false,
    tellsExits: true,
    hasOwnEndpoints: true,
    async print({ id }, text) {
      const object = (await cluster.list(AbortSignal.timeout(10_000))).find(({ deploymentId }) => deploymentId === id)
      const [endpoint] = object?.endpoints ?? []
      assert.ok(endpoint)
      await fetchText(endpoint, `/print?text=${encodeURIComponent(text)}`)
    },
    fetch: fetchText,
    close: () => Promise.resolve()
  })
})

const limit = () => AbortSignal.timeout(60_000)
const filesOf = () => Promise.resolve(new Map([['key', Buffer.from('s3cret')]]))
const secrets = [{ name: 'api', versionId: 'v1' }]

/** Names of what is there of an owner's functions, by kind. */
async function leftOf(owner: string) {
  const namespace = `slipway-${owner}`
  const labelSelector = 'com.slipway.function'
  const core = ground.config.makeApiClient(CoreV1Api)
  const lists = await Promise.all([
    ground.config.makeApiClient(AppsV1Api).listNamespacedDeployment({ namespace, labelSelector }),
    core.listNamespacedPod({ namespace, labelSelector }),
    core.listNamespacedSecret({ namespace, labelSelector }),
    core.listNamespacedService({ namespace, labelSelector }),
    ground.config.makeApiClient(PolicyV1Api).listNamespacedPodDisruptionBudget({ namespace, labelSelector })
  ])
  return lists.map(({ items }) => items.length)
}
const isNothing = async (owner: string) => (await leftOf(owner)).join() === '0,0,0,0,0'

test('nothing of a function is left once it is gone, and of a version that is refused not even its secrets', async () => {
  const cluster = ground.cluster({ filesOf })
  const deployment = deploymentOf({ image: ground.image, ownerSlug: 'leaves', replicas: 2, secrets })
  await cluster.apply(deployment, limit())
  assert.deepEqual(await leftOf('leaves'), [1, 2, 1, 1, 1])
  await cluster.remove(deployment.id, 0, limit())
  await waitFor(() => isNothing('leaves'), { timeoutMs: 60_000, what: 'all of it to be gone' })

  const refused = deploymentOf({ image: ground.image, ownerSlug: 'leaves', secrets, labels: { 'no name': 'x' } })
  await assert.rejects(
    cluster.apply(refused, limit()),
    (err: unknown) => err instanceof Failure && err.code === 'unsupported'
  )
  assert.ok(await isNothing('leaves'))
})

test('of a version whose Deployment somebody removed nothing stays, and it is brought back whole', async () => {
  const cluster = ground.cluster({ filesOf })
  const deployment = deploymentOf({ image: ground.image, ownerSlug: 'drifts', replicas: 2, secrets, status: 'live' })
  await cluster.apply(deployment, limit())
  const namespace = 'slipway-drifts'
  const apps = ground.config.makeApiClient(AppsV1Api)
  const labelSelector = `com.slipway.deployment=${deployment.id}`
  const [made] = (await apps.listNamespacedDeployment({ namespace, labelSelector })).items
  const name = made?.metadata?.name ?? ''
  await apps.deleteNamespacedDeployment({ namespace, name })
  await waitFor(async () => (await leftOf('drifts')).join() === '0,0,0,1,0', { timeoutMs: 60_000 })
  assert.equal((await cluster.apply(deployment, limit())).length, 2)
  assert.deepEqual(await leftOf('drifts'), [1, 2, 1, 1, 1])
  await cluster.remove(deployment.id, 0, limit())
})

test('who pushes nothing stands on what is set now, also where somebody changed it by hand', async () => {
  const before = ground.cluster()
  const deployment = deploymentOf({ image: ground.image, ownerSlug: 'still', status: 'live' })
  await before.apply(deployment, limit())
  const namespace = 'slipway-still'
  const networking = ground.config.makeApiClient(NetworkingV1Api)
  await networking.deleteNamespacedNetworkPolicy({ namespace, name: 'slipway' })
  const core = ground.config.makeApiClient(CoreV1Api)
  const auth = { 'registry.example.com': { username: 'new', password: 'other' } }
  const after = ground.cluster({ registryAuth: auth, quota: { cpuMillis: null, memoryBytes: null, pods: 7 } })
  await after.list(limit())
  const isSet = async () => {
    const policies = await networking.listNamespacedNetworkPolicy({ namespace })
    const [quota] = (await core.listNamespacedResourceQuota({ namespace })).items
    const { data } = await core.readNamespacedSecret({ namespace, name: 'slipway-registries' })
    const password = Buffer.from(data?.['.dockerconfigjson'] ?? '', 'base64').toString()
    return policies.items.length === 1 && quota?.spec?.hard?.pods === '7' && password.includes('registry.example.com')
  }
  await waitFor(isSet, { timeoutMs: 30_000, what: 'the settings to hold for who pushes nothing' })
  await before.remove(deployment.id, 0, limit())
})

test('a followed log goes on with the replicas that are added', async () => {
  const cluster = ground.cluster()
  const deployment = deploymentOf({ image: ground.image, ownerSlug: 'follows', behaviour: { print: ['begin'] } })
  await cluster.apply(deployment, limit())
  const told = new Set<string>()
  const reading = (async () => {
    const options = { follow: true, since: null, tail: null }
    for await (const { instance, text } of cluster.logs(deployment.id, options, limit()))
      told.add(`${instance} ${text}`)
  })()
  await waitFor(() => Promise.resolve(told.size === 1), { timeoutMs: 30_000 })
  await cluster.scale(deployment, 2, limit())
  await waitFor(() => Promise.resolve(told.size === 2), { timeoutMs: 30_000 })
  await cluster.remove(deployment.id, 0, limit())
  await reading
})
