import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { AppsV1Api, CoreV1Api, KubeConfig, type V1Pod } from '@kubernetes/client-node'
import { waitFor } from '@slipway/machine'
import { buildServicesImage, removeImage } from '../ship/image.ts'
import { openCluster } from './ground.fixture.ts'
import { nodeName } from './ground.ts'
import type { LocalCluster } from './local-cluster.ts'

const run = promisify(execFile)
const chart = fileURLToPath(new URL('../../infra/chart', import.meta.url))
export const namespace = 'slipway-chart-runs'
/** What the chart starts itself, as long as nobody names one elsewhere; by the claim of each its size. */
export const servers = { redis: '2Gi', postgresql: '10Gi' }
const tunnels = '/dev/net/tun'

/** A cluster whose node has the images of an installation, and Helm to make one. */
export interface ChartGround {
  cluster: LocalCluster
  directory: string
  core: CoreV1Api
  apps: AppsV1Api
  /** Values that name the images. */
  images: { image: object; redis: object; postgresql: object; engine: string }
  /** `install` or `upgrade`, with all values that it is to have; returns once every service is ready. */
  bringUp(command: 'install' | 'upgrade', values: object): Promise<void>
  uninstall(): Promise<void>
  podsOf(service: string): Promise<V1Pod[]>
  podOf(server: keyof typeof servers): Promise<V1Pod>
  /** The address of a Service, once the node has the rules that lead to it. */
  urlOf(service: 'api' | 'receiver' | 'gateway'): Promise<string>
  keyOf(name: string): Promise<string>
  makeSecret(name: string, stringData: Record<string, string>): Promise<void>
  /** What pods say of themselves, in place of an error that does not. */
  explained<T>(doing: Promise<T>): Promise<T>
  close(): Promise<void>
}

/** null: somebody else's cluster is given no image. */
export async function openChartGround(): Promise<ChartGround | null> {
  await using opened = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'slipway-kubernetes-'))
  opened.defer(() => rm(directory, { recursive: true, force: true }))
  const { local: cluster, kubeconfig, close } = await openCluster(directory)
  opened.defer(close)
  if (cluster === null) return null
  opened.defer(await openTunnels())
  const own = `slipway/chart-test:${randomBytes(6).toString('hex')}`
  await buildServicesImage(own)
  opened.defer(() => removeImage(own))
  const [redis, postgresql, engine] = [imageOf('REDIS_IMAGE'), imageOf('POSTGRESQL_IMAGE'), imageOf('ENGINE_IMAGE')]
  const archive = join(directory, 'images.tar')
  await run('docker', ['save', '--output', archive, own, redis, postgresql, engine])
  await cluster.importImages(archive)
  await rm(archive)
  const [repository = '', tag = ''] = own.split(':')

  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const core = config.makeApiClient(CoreV1Api)
  const apps = config.makeApiClient(AppsV1Api)
  await core.createNamespace({ body: { metadata: { name: namespace } } })
  await makeVolumes(core, join(directory, 'volumes'))
  const helm = (...args: string[]) => {
    const program = process.env.SLIPWAY_TEST_HELM
    if (program === undefined) throw new Error('SLIPWAY_TEST_HELM is not set: start with "npm run test:kubernetes"')
    const env = { PATH: process.env.PATH, HOME: directory, KUBECONFIG: kubeconfig }
    return run(program, [...args, '--namespace', namespace], { env })
  }
  const explained = <T>(doing: Promise<T>) =>
    doing.catch(async (err: unknown) => {
      throw new Error(await whatPodsSay(core), { cause: err })
    })
  const kept = opened.move()
  return {
    cluster,
    directory,
    core,
    apps,
    images: {
      image: { repository: `docker.io/${repository}`, tag },
      redis: { image: redis },
      postgresql: { image: postgresql },
      engine
    },
    async bringUp(command, values) {
      const file = join(directory, 'values.json')
      await writeFile(file, JSON.stringify(values), { mode: 0o600 })
      await helm(command, 'slipway', chart, '--values', file)
      await explained(
        waitFor(() => areReady(apps), { timeoutMs: 240_000, everyMs: 250, what: 'every service to be ready' })
      )
    },
    async uninstall() {
      await helm('uninstall', 'slipway')
      const areGone = async () => (await core.listNamespacedPod({ namespace })).items.length === 0
      await explained(waitFor(areGone, { timeoutMs: 120_000, what: 'the pods to end' }))
    },
    podsOf: async (service) =>
      (await core.listNamespacedPod({ namespace, labelSelector: `app.kubernetes.io/name=slipway-${service}` })).items,
    podOf: (server) => core.readNamespacedPod({ namespace, name: `slipway-${server}-0` }),
    async urlOf(service) {
      const { spec } = await core.readNamespacedService({ namespace, name: `slipway-${service}` })
      const url = `http://${spec?.clusterIP}`
      const isReached = () =>
        fetch(`${url}/readyz`, { signal: AbortSignal.timeout(10_000) }).then(
          () => true,
          () => false
        )
      await waitFor(isReached, { timeoutMs: 60_000, what: `the Service of ${service} to lead to it` })
      return url
    },
    async keyOf(name) {
      const { data } = await core.readNamespacedSecret({ namespace, name: 'slipway-keys' })
      return Buffer.from(data?.[name] ?? '', 'base64').toString()
    },
    async makeSecret(name, stringData) {
      await core.createNamespacedSecret({ namespace, body: { metadata: { name }, stringData } })
    },
    explained,
    close: () => kept.disposeAsync()
  }
}

/** As udev gives it to everybody on a usual node: a rootless engine makes its network with it. */
async function openTunnels(): Promise<() => Promise<void>> {
  if (!existsSync(tunnels)) throw new Error(`this machine has no ${tunnels}, without which no rootless engine starts`)
  const { mode } = await stat(tunnels)
  await chmod(tunnels, 0o666)
  return () => chmod(tunnels, mode & 0o777)
}

/** As nodes know it. */
function imageOf(variable: 'REDIS_IMAGE' | 'POSTGRESQL_IMAGE' | 'ENGINE_IMAGE'): string {
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

async function areReady(apps: AppsV1Api): Promise<boolean> {
  const { items } = await apps.listNamespacedDeployment({ namespace })
  return (
    items.length === 5 &&
    items.every(
      ({ metadata, spec, status }) =>
        status?.observedGeneration === metadata?.generation &&
        status?.updatedReplicas === spec?.replicas &&
        status?.replicas === spec?.replicas &&
        status?.availableReplicas === spec?.replicas
    )
  )
}

async function whatPodsSay(core: CoreV1Api): Promise<string> {
  const { items } = await core.listPodForAllNamespaces()
  const said = items.flatMap(({ metadata, spec, status }) => {
    const pod = { name: metadata?.name ?? '', namespace: metadata?.namespace ?? '' }
    const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
    const states = JSON.stringify(statuses.map(({ name, state, lastState }) => ({ name, state, lastState })))
    const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
    return containers.map(async ({ name: container }) => {
      const log = await core.readNamespacedPodLog({ ...pod, container, tailLines: 20 }).catch(String)
      return `${pod.namespace}/${pod.name} ${container}: ${states}\n${log}`
    })
  })
  return (await Promise.all(said)).join('\n')
}
