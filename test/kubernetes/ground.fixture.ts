import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { createKubernetesCluster, type KubernetesClusterOptions } from '@slipway/cluster/kubernetes'
import type { Cluster, ImageReference } from '@slipway/domain'
import { connectDocker, freePort, requireProgram, startRegistry } from '@slipway/machine'
import { functionImage, pushImage } from '@slipway/testing'
import Docker from 'dockerode'
import { giveDeployerRights } from './deployer-rights.ts'
import { programsIn } from './ground.ts'
import { type LocalCluster, startLocalCluster } from './local-cluster.ts'

export interface TestCluster {
  kubeconfig: string
  /** null: somebody else's, named by KUBECONFIG. */
  local: LocalCluster | null
  close(): Promise<void>
}

/** @throws Error telling what is missing */
export async function openCluster(directory: string): Promise<TestCluster> {
  const { KUBECONFIG: given, SLIPWAY_TEST_KUBERNETES: programs } = process.env
  if (given !== undefined) return { kubeconfig: given, local: null, close: () => Promise.resolve() }
  if (programs === undefined) throw new Error('no cluster: start with "npm run test:kubernetes", or set KUBECONFIG')
  const local = await startLocalCluster({
    programs: programsIn(programs, await requireProgram('runc')),
    directory: join(directory, 'cluster')
  })
  return { kubeconfig: local.kubeconfig, local, close: local.close }
}

/** What the tests stand on: a cluster, a registry that it pulls from, and the function's image in it. */
export interface TestGround {
  /** Of a cluster that nobody answers for. */
  awayKubeconfig: string
  /** To ask the API server with, and to do what Slipway may not. */
  config: KubeConfig
  image: ImageReference
  cluster(change?: Partial<KubernetesClusterOptions>): Cluster
  close(): Promise<void>
}

const silent = { info: () => undefined, warn: () => undefined }

export async function openGround(): Promise<TestGround> {
  await using opened = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'slipway-kubernetes-'))
  opened.defer(() => rm(directory, { recursive: true, force: true }))
  const credentials = { username: 'slipway', password: randomUUID() }
  const registry = await startRegistry({ directory: join(directory, 'registry'), auth: credentials })
  opened.defer(() => registry.stop())
  // Another machine's cluster pulls from here by another name.
  const host = process.env.SLIPWAY_TEST_REGISTRY ?? registry.host
  const { kubeconfig, close: closeCluster } = await openCluster(directory)
  opened.defer(closeCluster)
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const rights = await giveDeployerRights(
    config,
    join(directory, 'deployer.kubeconfig'),
    `slipway-test-${randomUUID()}`
  )
  opened.defer(() => rights.close())
  const { connection } = await connectDocker()
  const docker = new Docker(connection)
  const { reference } = await functionImage(docker)
  const repository = `${host}/alice/hello`
  const image = await pushImage(docker, { image: reference, repository, tag: 'base', credentials })
  opened.defer(() => docker.getImage(`${repository}:base`).remove())
  const installation = randomUUID()
  const awayKubeconfig = join(directory, 'away.kubeconfig')
  const away = { cluster: { server: `https://127.0.0.1:${await freePort()}` }, name: 'away' }
  const context = { cluster: 'away', user: 'nobody' }
  await writeFile(
    awayKubeconfig,
    JSON.stringify({
      clusters: [away],
      users: [{ name: 'nobody', user: {} }],
      contexts: [{ name: 'away', context }],
      'current-context': 'away'
    })
  )
  const kept = opened.move()
  return {
    awayKubeconfig,
    config,
    image,
    cluster(change = {}) {
      const made = createKubernetesCluster({
        kubeconfig: rights.kubeconfig,
        installation,
        gateway: [{ ipBlock: { cidr: '0.0.0.0/0' } }],
        egress: 'public',
        quota: { cpuMillis: null, memoryBytes: null, pods: null },
        podAnnotations: {},
        ingress: null,
        inner: null,
        registryAuth: { [host]: credentials },
        filesOf: () => Promise.resolve(new Map()),
        readyTimeoutMs: 30_000,
        scheduleTimeoutMs: 3000,
        logger: silent,
        ...change
      })
      kept.defer(() => made.close())
      return made
    },
    close: () => kept.disposeAsync()
  }
}
