import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { AppsV1Api, CoreV1Api, KubeConfig } from '@kubernetes/client-node'
import { createStatusApi } from '@slipway/client'
import { connectDocker, startRedis, waitFor } from '@slipway/machine'
import { buildServicesImage, removeImage } from '../ship/image.ts'
import { openCluster } from './ground.fixture.ts'
import { nodeAddress, nodeName } from './ground.ts'

const run = promisify(execFile)
const chart = fileURLToPath(new URL('../../infra/chart', import.meta.url))
const namespace = 'slipway-chart-runs'
/** For what hangs: an image is built, and eleven pods are started twice. */
const timeoutMs = 660_000
/** What the chart starts itself, as long as nobody names one elsewhere; by the claim of each its size. */
const servers = { redis: '2Gi', postgresql: '10Gi' }
const services = { receiver: 8081, api: 8082, gateway: 8080, deployer: 8084, builder: 8084 }

/** What listens on this machine's loopback or on a path, where pods reach it: on the node's own address. */
async function forward(to: NetConnectOpts): Promise<{ port: number; close(): Promise<void> }> {
  const open = new Set<Socket>()
  const server = createServer((from) => {
    const onward = connect(to)
    from.pipe(onward).pipe(from)
    for (const [one, other] of [
      [from, onward],
      [onward, from]
    ] as const) {
      open.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, nodeAddress, resolve)
  })
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return {
    port: address.port,
    close() {
      // Of a pod that is gone nobody says so.
      for (const socket of open) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    }
  }
}

/** As nodes know it. */
function serverImage(variable: 'REDIS_IMAGE' | 'POSTGRESQL_IMAGE'): string {
  const image = process.env[variable]
  if (image === undefined) throw new Error(`${variable} is not set: start with "npm run test:kubernetes"`)
  return image.split('/').length > 2 ? image : `docker.io/${image}`
}

/** A cluster that makes no volumes itself has one for each claim: a directory of the node's. */
async function makeVolumes(core: CoreV1Api, directory: string): Promise<void> {
  for (const [part, storage] of Object.entries(servers)) {
    const path = join(directory, part)
    await mkdir(path, { recursive: true })
    const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] }]
    await core.createPersistentVolume({
      body: {
        metadata: { name: `${namespace}-${part}` },
        spec: {
          capacity: { storage },
          accessModes: ['ReadWriteOnce'],
          persistentVolumeReclaimPolicy: 'Retain',
          local: { path },
          nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
          claimRef: { namespace, name: `data-slipway-${part}-0` }
        }
      }
    })
  }
}

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

test("the chart is brought up of the real image with its own Redis and PostgreSQL, keeps what they hold, is upgraded to another's Redis, and taken away", {
  timeout: timeoutMs
}, async (t) => {
  await using opened = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'slipway-kubernetes-'))
  opened.defer(() => rm(directory, { recursive: true, force: true }))
  const { local, kubeconfig, close } = await openCluster(directory)
  opened.defer(close)
  if (local === null) {
    t.diagnostic("somebody else's cluster is given no image")
    return
  }
  const image = `slipway/chart-test:${randomBytes(6).toString('hex')}`
  await buildServicesImage(image)
  opened.defer(() => removeImage(image))
  const archive = join(directory, 'image.tar')
  const images = { redis: serverImage('REDIS_IMAGE'), postgresql: serverImage('POSTGRESQL_IMAGE') }
  await run('docker', ['save', '--output', archive, image, ...Object.values(images)])
  await local.importImages(archive)
  await rm(archive)

  const redis = await startRedis({ directory: join(directory, 'redis') })
  opened.defer(() => redis.stop())
  const { connection } = await connectDocker()
  assert.ok('socketPath' in connection, "this machine's engine is asked on a path")
  const ways = {
    redis: await forward({ host: '127.0.0.1', port: redis.port }),
    engine: await forward({ path: connection.socketPath })
  }
  for (const way of Object.values(ways)) opened.defer(way.close)

  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const core = config.makeApiClient(CoreV1Api)
  const apps = config.makeApiClient(AppsV1Api)
  await core.createNamespace({ body: { metadata: { name: namespace } } })
  await makeVolumes(core, join(directory, 'volumes'))
  const elsewhere = { metadata: { name: 'redis' }, stringData: { url: `redis://${nodeAddress}:${ways.redis.port}` } }
  await core.createNamespacedSecret({ namespace, body: elsewhere })
  const values = [
    `image.repository=docker.io/${image.split(':')[0]}`,
    `image.tag=${image.split(':')[1]}`,
    'publicUrl=https://slipway.example.com',
    'registry.host=registry.example.com',
    `redis.image=${images.redis}`,
    `postgresql.image=${images.postgresql}`,
    `builder.engine.host=tcp://${nodeAddress}:${ways.engine.port}`
  ].flatMap((value) => ['--set', value])
  const helm = (...args: string[]) => {
    const program = process.env.SLIPWAY_TEST_HELM
    if (program === undefined) throw new Error('SLIPWAY_TEST_HELM is not set: start with "npm run test:kubernetes"')
    const env = { PATH: process.env.PATH, HOME: directory, KUBECONFIG: kubeconfig }
    return run(program, [...args, '--namespace', namespace], { env })
  }

  const areReady = async () => {
    const { items } = await apps.listNamespacedDeployment({ namespace })
    return (
      items.length === Object.keys(services).length &&
      items.every(
        ({ metadata, spec, status }) =>
          status?.observedGeneration === metadata?.generation &&
          status?.updatedReplicas === spec?.replicas &&
          status?.replicas === spec?.replicas &&
          status?.availableReplicas === spec?.replicas
      )
    )
  }
  const whyNot = async () => {
    const { items } = await core.listNamespacedPod({ namespace })
    const said = items.map(async ({ metadata, status }) => {
      const name = metadata?.name ?? ''
      const states = JSON.stringify(status?.containerStatuses?.map(({ state, lastState }) => ({ state, lastState })))
      const log = await core.readNamespacedPodLog({ name, namespace, tailLines: 20 }).catch(String)
      return `${name}: ${states}\n${log}`
    })
    return (await Promise.all(said)).join('\n')
  }
  const untilReady = async () => {
    await waitFor(areReady, { timeoutMs: 240_000, everyMs: 250, what: 'every service to be ready' }).catch(
      async (err: unknown) => {
        throw new Error(await whyNot(), { cause: err })
      }
    )
  }
  const startedAt = performance.now()
  await helm('install', 'slipway', chart, ...values)
  await untilReady()
  t.diagnostic(
    `eleven pods of five services, Redis and PostgreSQL are ready ${((performance.now() - startedAt) / 1000).toFixed(0)} s after the install`
  )

  for (const [service, port] of Object.entries(services)) {
    const { items } = await core.listNamespacedPod({
      namespace,
      labelSelector: `app.kubernetes.io/name=slipway-${service}`
    })
    assert.ok(items.length > 0, service)
    for (const { status } of items) {
      const answer = await fetch(`http://${status?.podIP}:${port}/readyz`, { signal: AbortSignal.timeout(10_000) })
      assert.equal(answer.status, 200, `${service}: ${await answer.text()}`)
    }
  }
  const api = await core.readNamespacedService({ namespace, name: 'slipway-api' })
  const keys = (await core.readNamespacedSecret({ namespace, name: 'slipway-keys' })).data
  const keyOf = (name: string) => Buffer.from(keys?.[name] ?? '', 'base64').toString()
  const apiUrl = `http://${api.spec?.clusterIP}`
  const isReached = () =>
    fetch(`${apiUrl}/readyz`, { signal: AbortSignal.timeout(10_000) }).then(
      () => true,
      () => false
    )
  // Pods are ready before the node has the rules that lead to them.
  await waitFor(isReached, { timeoutMs: 60_000, what: "the API's Service to lead to it" })
  const status = createStatusApi({ url: apiUrl, token: keyOf('admin-token') })
  const { id } = await status.addOwner({ slug: 'carol' })

  // Whose functions call is told to the gateways, by the rights that they have been given; who calls from elsewhere is nobody.
  const gateways = await core.listNamespacedPod({ namespace, labelSelector: 'app.kubernetes.io/name=slipway-gateway' })
  for (const { metadata } of gateways.items) {
    const name = metadata?.name ?? ''
    const isTold = async () =>
      (await core.readNamespacedPodLog({ name, namespace })).includes('the Kubernetes API tells addresses of functions')
    await waitFor(isTold, { timeoutMs: 60_000, what: `${name} to hear of addresses` })
  }
  const inner = await core.readNamespacedService({ namespace, name: 'slipway-inner' })
  const answer = await fetch(`http://${inner.spec?.clusterIP}:8080/function/hello`, {
    signal: AbortSignal.timeout(30_000)
  })
  assert.equal(answer.status, 404, await answer.text())

  const podOf = async (part: string) => core.readNamespacedPod({ namespace, name: `slipway-${part}-0` })
  const say = async (command: string) =>
    askRedis((await podOf('redis')).status?.podIP ?? '', keyOf('redis-password'), command)
  assert.match(await say('SET kept what-it-held'), /^\+OK\r\n\+OK/)
  const endedAt = performance.now()
  await Promise.all(
    Object.keys(servers).map(async (part) => {
      const { metadata } = await podOf(part)
      await core.deleteNamespacedPod({ namespace, name: metadata?.name ?? '' })
      const isAnother = async () => {
        const pod = await podOf(part).catch(() => null)
        const ready = pod?.status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True')
        return ready === true && pod?.metadata?.uid !== metadata?.uid
      }
      await waitFor(isAnother, { timeoutMs: 120_000, everyMs: 250, what: `another pod of ${part}` }).catch(
        async (err: unknown) => {
          throw new Error(await whyNot(), { cause: err })
        }
      )
    })
  )
  t.diagnostic(
    `Redis and PostgreSQL are back ${((performance.now() - endedAt) / 1000).toFixed(0)} s after their pods ended`
  )
  assert.match(await say('GET kept'), /what-it-held/)
  const owners = await waitFor(() => status.listOwners({}).catch(() => null), {
    timeoutMs: 120_000,
    what: 'the API to have its database again'
  })
  assert.deepEqual(
    owners.items.map((owner) => [owner.id, owner.slug]),
    [[id, 'carol']]
  )

  await helm(
    'upgrade',
    'slipway',
    chart,
    ...values,
    '--set',
    'redis.existingSecret=redis',
    '--set',
    'gateway.replicas=1'
  )
  await untilReady()
  const names = (await apps.listNamespacedStatefulSet({ namespace })).items.map(({ metadata }) => metadata?.name)
  assert.deepEqual(names, ['slipway-postgresql'])
  await helm('uninstall', 'slipway')
  await waitFor(async () => (await core.listNamespacedPod({ namespace })).items.length === 0, {
    timeoutMs: 120_000,
    what: 'the pods to end'
  })
  const claims = (await core.listNamespacedPersistentVolumeClaim({ namespace })).items
  assert.deepEqual(
    new Set(claims.map(({ metadata }) => metadata?.name)),
    new Set(['data-slipway-postgresql-0', 'data-slipway-redis-0'])
  )
})
