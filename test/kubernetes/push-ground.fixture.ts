import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CoreV1Api, KubeConfig, type V1Pod } from '@kubernetes/client-node'
import { createScene, type Scene, type TestRepository } from '../system/scene.ts'
import { openCluster, type TestCluster } from './ground.fixture.ts'

/** An installation whose functions run on a real Kubernetes. */
export interface PushGround {
  scene: Scene
  cluster: TestCluster
  /** To ask the API server with. */
  config: KubeConfig
  /** Those that are not on their way out. */
  podsOf(namespace: string): Promise<V1Pod[]>
  close(): Promise<void>
}

export async function openPushGround(settings: Record<string, string> = {}): Promise<PushGround> {
  await using opened = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'slipway-kubernetes-'))
  opened.defer(() => rm(directory, { recursive: true, force: true }))
  const cluster = await openCluster(directory)
  opened.defer(() => cluster.close())
  const config = new KubeConfig()
  config.loadFromFile(cluster.kubeconfig)
  const core = config.makeApiClient(CoreV1Api)
  // The gateway of these tests is outside of the cluster.
  const scene = await createScene({
    CLUSTER: 'kubernetes',
    KUBECONFIG: cluster.kubeconfig,
    KUBERNETES_GATEWAYS: '0.0.0.0/0',
    READY_TIMEOUT_MS: '60000',
    ...settings
  })
  opened.defer(() => scene.close())
  const kept = opened.move()
  return {
    scene,
    cluster,
    config,
    async podsOf(namespace) {
      const { items } = await core.listNamespacedPod({ namespace })
      return items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
    },
    close: () => kept.disposeAsync()
  }
}

export async function live(repository: TestRepository, commit: string): Promise<void> {
  const { status, reason } = await repository.ended(commit, 120_000)
  assert.deepEqual([status, reason], ['live', null])
}
