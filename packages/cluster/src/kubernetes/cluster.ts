import type { V1Deployment, V1Pod } from '@kubernetes/client-node'
import { type Cluster, type ClusterObject, type Deployment, type Endpoint, Failure } from '@slipway/domain'
import { createInFlight } from '../in-flight.ts'
import { labels } from '../labels.ts'
import { mergedLogs } from '../log-order.ts'
import type { ClusterLogger } from '../logger.ts'
import type { RegistryCredentials } from '../registry-credentials.ts'
import { connectKubernetes, type KubernetesApi, listAll } from './api.ts'
import { createApply } from './apply.ts'
import { runChecks } from './check.ts'
import { endpointOf, isOver, isReady, wasReady } from './judge.ts'
import { followedPods, placeOf, podLogs } from './logs.ts'
import type { KubernetesPolicy } from './owned-object.ts'
import { createOwners, type Owners } from './owners.ts'
import { createRemoval } from './removal.ts'
import { createRollout } from './rollout.ts'
import { createWatched, type Watched } from './watched.ts'

export type { IngressPolicy, InnerPolicy } from './owned-object.ts'

export interface KubernetesClusterOptions extends KubernetesPolicy {
  /** A kubeconfig file; null: the service account of the pod that this runs in. */
  kubeconfig: string | null
  /** By the registry's `host[:port]`, as it stands in names of images. */
  registryAuth: Readonly<Record<string, RegistryCredentials>>
  /** The files of a deployment's secrets, by name. */
  filesOf(deployment: Deployment): Promise<ReadonlyMap<string, Uint8Array>>
  /** How long a deployment may take to become ready, at least; its own thresholds may allow more. */
  readyTimeoutMs?: number
  /** How long a pod that no node takes may wait for one: as long as nodes take to be added, where they are. */
  scheduleTimeoutMs?: number
  logger: ClusterLogger
  monotonicNow?: () => number
}

interface Connected {
  api: KubernetesApi
  watched: Watched
  owners: Owners
  rollOut: ReturnType<typeof createRollout>
  remove: ReturnType<typeof createRemoval>
}

/** Functions as Deployments, one for each deployment of Slipway, in a namespace for each owner. */
export function createKubernetesCluster(options: KubernetesClusterOptions): Cluster {
  const { installation, logger, readyTimeoutMs = 60_000, scheduleTimeoutMs = 20_000 } = options
  const monotonicNow = options.monotonicNow ?? (() => performance.now())
  const own = `${labels.installation}=${installation}`
  let connecting: Promise<Connected> | null = null
  const inFlight = createInFlight({ logger, now: monotonicNow })

  /** The client is loaded, and the configuration read, by the first call. */
  function connected(): Promise<Connected> {
    connecting ??= connect().catch((err: unknown) => {
      connecting = null
      throw err
    })
    return connecting
  }

  async function connect(): Promise<Connected> {
    const { kubeconfig } = options
    const api = await connectKubernetes(kubeconfig)
    const watched = createWatched(api, installation, logger)
    const registries = Object.keys(options.registryAuth).length === 0 ? null : dockerConfig(options.registryAuth)
    const { filesOf } = options
    const limits = { readyTimeoutMs, scheduleTimeoutMs, monotonicNow }
    const apply = createApply(api)
    const owners = createOwners({ api, apply, policy: options, registries, logger, monotonicNow })
    const parts = { api, apply, owners, watched, policy: options, hasRegistries: registries !== null }
    const rollOut = createRollout({ ...parts, filesOf, logger, ...limits })
    const ingressNamespace = options.ingress?.gateway.namespace ?? null
    const remove = createRemoval({ api, watched, installation, ingressNamespace, logger, monotonicNow })
    return { api, watched, owners, rollOut, remove }
  }

  async function bring(deployment: Deployment, count: number, signal: AbortSignal): Promise<Endpoint[]> {
    const { rollOut, remove } = await connected()
    const orRemove = (both: AbortSignal) =>
      rollOut(deployment, count, both).catch(async (err: unknown) => {
        const isToBeGone = deployment.status === 'starting' && !signal.aborted
        if (err instanceof Failure && !err.retry && isToBeGone) await remove(deployment.id, 0, signal)
        throw err
      })
    return inFlight.alone(deployment, count, orRemove, signal)
  }

  async function podsOf(api: KubernetesApi, deploymentId: string | null, signal: AbortSignal): Promise<V1Pod[]> {
    const core = api.config.makeApiClient(api.client.CoreV1Api)
    const labelSelector = deploymentId === null ? own : `${own},${labels.deployment}=${deploymentId}`
    const { items } = await listAll<V1Pod>(api, 'list pods', signal, (page, settings) =>
      core.listPodForAllNamespaces({ labelSelector, ...page }, settings)
    )
    return items.filter((pod) => pod.metadata?.deletionTimestamp === undefined && !isOver(pod))
  }

  return {
    kind: 'kubernetes',
    capabilities: { switch: 'atomic', watch: 'poll' },
    apply: (deployment, signal) => bring(deployment, deployment.replicas, signal),
    scale: (deployment, count, signal) => bring(deployment, count, signal),
    async remove(deploymentId, graceMs, signal) {
      await inFlight.giveUp(deploymentId)
      await (await connected()).remove(deploymentId, graceMs, signal)
    },
    async list(signal) {
      const { api, owners } = await connected()
      const apps = api.config.makeApiClient(api.client.AppsV1Api)
      const [deployments, pods] = await Promise.all([
        listAll<V1Deployment>(api, 'list deployments', signal, (page, settings) =>
          apps.listDeploymentForAllNamespaces({ labelSelector: own, ...page }, settings)
        ),
        podsOf(api, null, signal)
      ])
      const byDeployment = Map.groupBy(pods, ({ metadata }) => metadata?.labels?.[labels.deployment] ?? '')
      const objects = deployments.items.map((object) => objectOf(object, byDeployment))
      owners.look(objects.map(({ ownerSlug }) => ownerSlug))
      return objects
    },
    async *logs(deploymentId, logOptions, signal) {
      const { api, watched } = await connected()
      const { follow } = logOptions
      const open = async (both: AbortSignal) =>
        follow ? [] : (await podsOf(api, deploymentId, both)).map((pod) => podLogs(api, placeOf(pod), logOptions, both))
      const later = (both: AbortSignal) => followedPods(api, watched, deploymentId, logOptions, both)
      yield* mergedLogs(open, follow, signal, later)
    },
    check: async (signal) => runChecks(await connected().catch((err: unknown) => err), options, signal),
    async close() {
      await inFlight.close()
      if (connecting === null) return
      const { owners, watched } = await connecting
      await Promise.all([owners.close(), watched.close()])
    }
  }
}

function objectOf({ metadata, spec }: V1Deployment, byDeployment: Map<string, V1Pod[]>): ClusterObject {
  const own = metadata?.labels ?? {}
  const deploymentId = own[labels.deployment] ?? ''
  const pods = byDeployment.get(deploymentId) ?? []
  // What was ready keeps its calls while it runs, as on an engine that only asks when it starts.
  const ready = pods.filter((pod) => isReady(pod) || wasReady(pod))
  const made = [metadata, ...pods.map((pod) => pod.metadata)].map((each) => each?.creationTimestamp?.getTime() ?? 0)
  return {
    deploymentId,
    clusterName: metadata?.annotations?.[labels.clusterName] ?? own[labels.clusterName] ?? '',
    ownerSlug: own[labels.owner] ?? '',
    replicas: spec?.replicas ?? pods.length,
    availableReplicas: ready.length,
    // Of the second that the API tells, the end.
    createdAt: Math.max(...made) + 999,
    endpoints: ready.map(endpointOf)
  }
}

function dockerConfig(registryAuth: Readonly<Record<string, RegistryCredentials>>): string {
  const auths = Object.entries(registryAuth).map(([host, { username, password }]) => [
    host,
    { auth: Buffer.from(`${username}:${password}`).toString('base64') }
  ])
  return JSON.stringify({ auths: Object.fromEntries(auths) })
}
