import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { createStatusApi, type StatusApi } from '@slipway/client'
import { isTerminal } from '@slipway/domain'
import { startRedis, waitFor } from '@slipway/machine'
import { createStore } from '@slipway/store'
import { startPostgres } from '@slipway/testing'
import { asking, saying, stackOf } from '../system/scene.ts'
import { type ChartForge, openChartForge } from './chart-forge.fixture.ts'
import { type ChartGround, namespace, openChartGround, servers } from './chart-ground.fixture.ts'
import { openChartRegistry } from './chart-registry.fixture.ts'
import { nodeAddress } from './ground.ts'
import { forward } from './reach.fixture.ts'

/** What the tests of this file go on with, one after the other. */
interface Installed {
  ground: ChartGround
  forge: ChartForge
  values: object
  status: StatusApi
}

const services = { receiver: 8081, api: 8082, gateway: 8080, deployer: 8084, builder: 8084 }
const opened = new AsyncDisposableStack()
let installed: Installed | null = null
let isOurs = true

after(() => opened.disposeAsync())

/** null with somebody else's cluster, which is given no image. */
function before(t: TestContext): Installed | null {
  if (!isOurs) t.diagnostic("somebody else's cluster is given no image")
  else assert.ok(installed !== null, 'the installation was not brought up')
  return installed
}

const secondsSince = (at: number) => ((performance.now() - at) / 1000).toFixed(0)

test('the chart is brought up of the real image, with its own Redis and PostgreSQL and a rootless engine beside the builder', {
  // For what hangs: an image is built, and twelve pods are started.
  timeout: 600_000
}, async (t) => {
  const ground = await openChartGround()
  if (ground === null) {
    isOurs = false
    before(t)
    return
  }
  opened.defer(ground.close)
  const registry = await openChartRegistry(join(ground.directory, 'registry'), ground.cluster)
  opened.defer(registry.close)
  const forge = await openChartForge(join(ground.directory, 'forge'))
  opened.defer(forge.close)
  await ground.makeSecret('registry', { ...registry.credentials, 'ca.crt': registry.authority })
  await ground.makeSecret('forges', forge.secrets)
  const { engine, ...images } = ground.images
  const values = {
    ...images,
    publicUrl: 'https://slipway.example.com',
    registry: { host: registry.host, existingSecret: 'registry', caSecret: 'registry' },
    forges: { existingSecret: 'forges' },
    settings: { ...forge.settings, BASE_NODE: registry.baseNode },
    builder: { engine: { sidecar: { enabled: true, image: engine } } }
  }
  const startedAt = performance.now()
  await ground.bringUp('install', values)
  t.diagnostic(
    `eleven pods of five services, Redis and PostgreSQL are ready ${secondsSince(startedAt)} s after the install`
  )
  for (const [service, port] of Object.entries(services)) {
    const pods = await ground.podsOf(service)
    assert.ok(pods.length > 0, service)
    for (const { status } of pods) {
      const restarts = status?.containerStatuses?.map(({ restartCount }) => restartCount)
      assert.deepEqual(restarts, [0], `${service} waits for what it needs`)
      const answer = await fetch(`http://${status?.podIP}:${port}/readyz`, { signal: AbortSignal.timeout(10_000) })
      assert.equal(answer.status, 200, `${service}: ${await answer.text()}`)
    }
  }
  const status = createStatusApi({ url: await ground.urlOf('api'), token: await ground.keyOf('admin-token') })
  forge.deliverTo(await ground.urlOf('receiver'))
  installed = { ground, forge, values, status }
})

test('a push is built by the engine beside the builder, rolled out by the rights of the chart, and answers through its gateway', {
  timeout: 300_000
}, async (t) => {
  const found = before(t)
  if (found === null) return
  const { ground, forge, status } = found
  const { hosted, workingCopy } = await forge.repository('alice')
  const live = async (files: Record<string, string | null>) => {
    const pushedAt = performance.now()
    const commit = await workingCopy.commit(files, 'change')
    await workingCopy.push()
    const isEnded = async () => {
      const build = (await status.listBuilds({ commit })).items[0]
      return build !== undefined && isTerminal(build.status) ? build : null
    }
    const build = await ground.explained(waitFor(isEnded, { timeoutMs: 180_000, what: 'the build to end' }))
    const { functions } = await status.getBuild({ id: build.id })
    assert.deepEqual([build.status, build.reason], ['live', null], JSON.stringify(functions))
    t.diagnostic(`a push is live after ${secondsSince(pushedAt)} s`)
    return commit
  }
  const commit = await live({
    'stack.yml': stackOf({ front: {}, back: {} }),
    'front/handler.js': asking,
    'back/handler.js': saying('from behind')
  })

  const gateway = await ground.urlOf('gateway')
  // Of its two gateways one may hear of a change a moment later, and so may the node of who has gone.
  const answers = async (path: string, expected: string) => {
    const call = async () => {
      const answer = await fetch(`${gateway}${path}`, { signal: AbortSignal.timeout(30_000) })
      return `${answer.status} ${await answer.text()}`
    }
    const isHeard = async () => (await call().catch(String)).startsWith(expected)
    await ground.explained(waitFor(isHeard, { timeoutMs: 60_000, what: `${path} to answer ${expected}` }))
  }
  await answers('/function/alice-back', '200 from behind')
  const inside = encodeURIComponent('http://gateway.openfaas:8080/function/back')
  await answers(`/function/alice-front?url=${inside}`, '200 200 from behind')

  const tells = () => {
    const reports = forge.github.statuses(hosted.id, commit)
    return reports.some(({ context, state }) => context === 'slipway/stack' && state === 'success')
  }
  await waitFor(tells, { timeoutMs: 60_000, what: 'the forge to be told' })

  await status.scaleFunction({ owner: 'alice', name: 'back', replicas: 2 })
  assert.equal((await ground.core.listNamespacedPod({ namespace: 'slipway-alice' })).items.length, 3)
  await live({
    'stack.yml': stackOf({ back: {} }),
    'back/handler.js': `console.log('printed by the function')\n${saying('alone')}`
  })
  await answers('/function/alice-back', '200 alone')
  await answers('/function/alice-front', '404 ')
  const names = async () =>
    (await ground.apps.listNamespacedDeployment({ namespace: 'slipway-alice' })).items.map((one) => one.metadata?.name)
  await waitFor(async () => (await names()).length === 1, { timeoutMs: 60_000, what: 'what was left out to go' })
  const log = async () => {
    const headers = { authorization: `Bearer ${await ground.keyOf('admin-token')}` }
    return (await fetch(`${await ground.urlOf('api')}/api/v1/functions/alice/back/log`, { headers })).text()
  }
  assert.match(await log(), /printed by the function/)
})

test('its gateways are told whose functions call, by the rights that they have been given; who calls from elsewhere is nobody', async (t) => {
  const found = before(t)
  if (found === null) return
  const { core, podsOf } = found.ground
  for (const { metadata } of await podsOf('gateway')) {
    const name = metadata?.name ?? ''
    const isTold = async () =>
      (await core.readNamespacedPodLog({ name, namespace })).includes('the Kubernetes API tells addresses of functions')
    await waitFor(isTold, { timeoutMs: 60_000, what: `${name} to hear of addresses` })
  }
  const inner = await core.readNamespacedService({ namespace, name: 'slipway-inner' })
  const url = `http://${inner.spec?.clusterIP}:8080/function/back`
  const answer = await fetch(url, { signal: AbortSignal.timeout(30_000) })
  assert.equal(answer.status, 404, await answer.text())
})

test('what its Redis and PostgreSQL hold outlives their pods', { timeout: 300_000 }, async (t) => {
  const found = before(t)
  if (found === null) return
  const { ground, status } = found
  const { id } = await status.addOwner({ slug: 'carol' })
  const say = async (command: string) =>
    askRedis((await ground.podOf('redis')).status?.podIP ?? '', await ground.keyOf('redis-password'), command)
  assert.match(await say('SET kept what-it-held'), /^\+OK\r\n\+OK/)
  const endedAt = performance.now()
  await Promise.all(
    (['redis', 'postgresql'] as const).map(async (server) => {
      const { metadata } = await ground.podOf(server)
      await ground.core.deleteNamespacedPod({ namespace, name: metadata?.name ?? '' })
      const isAnother = async () => {
        const pod = await ground.podOf(server).catch(() => null)
        const ready = pod?.status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True')
        return ready === true && pod?.metadata?.uid !== metadata?.uid
      }
      await ground.explained(waitFor(isAnother, { timeoutMs: 120_000, everyMs: 250, what: `another pod of ${server}` }))
    })
  )
  t.diagnostic(`Redis and PostgreSQL are back ${secondsSince(endedAt)} s after their pods ended`)
  assert.match(await say('GET kept'), /what-it-held/)
  const owners = await waitFor(() => status.listOwners({}).catch(() => null), {
    timeoutMs: 120_000,
    what: 'the API to have its database again'
  })
  assert.equal(owners.items.find(({ slug }) => slug === 'carol')?.id, id)
})

test("an upgrade takes it to another's Redis and PostgreSQL, and an uninstall leaves what its own held", {
  timeout: 400_000
}, async (t) => {
  const found = before(t)
  if (found === null) return
  const { ground, status, values } = found
  const redis = await startRedis({ directory: join(ground.directory, 'redis') })
  opened.defer(() => redis.stop())
  const postgres = await startPostgres()
  opened.defer(() => postgres.stop())
  const database = await postgres.makeDatabase()
  const wayTo = async (url: string) => {
    const there = new URL(url)
    const way = await forward({ host: '127.0.0.1', port: Number(there.port) })
    opened.defer(way.close)
    there.host = `${nodeAddress}:${way.port}`
    return there.href
  }
  await ground.makeSecret('redis', { url: await wayTo(`redis://127.0.0.1:${redis.port}`) })
  await ground.makeSecret('postgresql', { url: await wayTo(database) })
  await ground.bringUp('upgrade', {
    ...values,
    redis: { existingSecret: 'redis' },
    postgresql: { existingSecret: 'postgresql' },
    gateway: { replicas: 1 }
  })
  const { items } = await ground.apps.listNamespacedStatefulSet({ namespace })
  assert.deepEqual(items, [])
  const owners = await waitFor(() => status.listOwners({}).catch(() => null), {
    timeoutMs: 60_000,
    what: 'the API to have the other database'
  })
  // The forge tells it of alice anew; of carol only the former one knows.
  assert.ok(!owners.items.some(({ slug }) => slug === 'carol'))
  const { id } = await status.addOwner({ slug: 'dave' })

  await ground.uninstall()
  const claims = (await ground.core.listNamespacedPersistentVolumeClaim({ namespace })).items
  assert.deepEqual(
    new Set(claims.map(({ metadata }) => metadata?.name)),
    new Set(Object.keys(servers).map((part) => `data-slipway-${part}-0`))
  )
  const store = await createStore({ url: database, file: '' })
  const kept = await store.owners.findBySlug('dave').finally(() => store.close())
  assert.equal(kept?.id, id)
})

/** All that Redis answers to one command and to what it is surrounded by. */
function askRedis(host: string, password: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect({ host, port: 6379 })
    socket.setTimeout(10_000, () => socket.destroy(new Error(`Redis did not answer ${command}`)))
    socket.on('error', reject)
    socket.on('data', (chunk) => {
      text += chunk.toString()
    })
    socket.on('close', () => resolve(text))
    socket.write(`AUTH ${password}\r\n${command}\r\nQUIT\r\n`)
  })
}
