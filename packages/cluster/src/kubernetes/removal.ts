import type { KubernetesObject, V1DeleteOptions } from '@kubernetes/client-node'
import { Failure } from '@slipway/domain'
import { labels } from '../labels.ts'
import type { ClusterLogger } from '../logger.ts'
import type { CallSettings, KubernetesApi } from './api.ts'
import { ingressName } from './ingress.ts'
import { serviceName } from './objects.ts'
import type { Watched } from './watched.ts'

export interface RemovalDeps {
  api: KubernetesApi
  watched: Watched
  installation: string
  /** In whose namespace functions have an Ingress; null: they have none. */
  ingressNamespace: string | null
  logger: ClusterLogger
  monotonicNow: () => number
}

interface Version {
  functionName: string
  deploymentId: string
  /** The namespace that they are in. */
  versions: string
}

/** How long to wait for pods that were told to end, before they are told again. */
const removeAgainMs = 1000

/** For a kubelet to say that a pod has ended when its time is over. One that does not is on a node that is gone. */
const lateMs = 10_000

/**
 * Takes away one deployment, with which its parts go, and with the last version of a function what all its versions share. That comes
 * first: as long as the deployment is there, a removal that broke off is found and done again.
 */
export function createRemoval(deps: RemovalDeps) {
  const { api, watched, installation, ingressNamespace, logger, monotonicNow } = deps
  const own = `${labels.installation}=${installation}`
  const core = api.config.makeApiClient(api.client.CoreV1Api)
  const apps = api.config.makeApiClient(api.client.AppsV1Api)
  const networking = api.config.makeApiClient(api.client.NetworkingV1Api)

  async function removePods(
    chosen: { namespace: string; labelSelector: string },
    deploymentId: string,
    graceMs: number,
    signal: AbortSignal
  ): Promise<void> {
    const startedAt = monotonicNow()
    // Until its ReplicaSet is collected, it may make another for one that goes.
    for (;;) {
      const isLost = monotonicNow() - startedAt > graceMs + lateMs
      const gracePeriodSeconds = isLost ? 0 : Math.ceil(graceMs / 1000)
      const left = await api.call('list pods', signal, (settings) => core.listNamespacedPod(chosen, settings))
      if (left.items.length === 0) return
      await api.call('remove pods', signal, (settings) =>
        core.deleteCollectionNamespacedPod({ ...chosen, gracePeriodSeconds }, settings)
      )
      await watched.changed(deploymentId, graceMs === 0 ? 100 : removeAgainMs, signal)
    }
  }

  /** What all versions of a function share, by its kind. */
  const shared = {
    service: {
      read: (name: string, namespace: string, settings: CallSettings): Promise<KubernetesObject> =>
        core.readNamespacedService({ namespace, name }, settings),
      remove: (name: string, namespace: string, body: V1DeleteOptions, settings: CallSettings): Promise<unknown> =>
        core.deleteNamespacedService({ namespace, name, body }, settings)
    },
    ingress: {
      read: (name: string, namespace: string, settings: CallSettings): Promise<KubernetesObject> =>
        networking.readNamespacedIngress({ namespace, name }, settings),
      remove: (name: string, namespace: string, body: V1DeleteOptions, settings: CallSettings): Promise<unknown> =>
        networking.deleteNamespacedIngress({ namespace, name, body }, settings)
    }
  }

  /**
   * Not while a version other than this one is there. One that is applied meanwhile has changed what is shared, which then stays.
   */
  async function removeShared(
    kind: keyof typeof shared,
    { name, namespace }: { name: string; namespace: string },
    version: Version,
    signal: AbortSignal
  ): Promise<void> {
    const { read, remove } = shared[kind]
    const { functionName, deploymentId, versions } = version
    try {
      const { metadata } = await api.call(`read ${kind} ${name}`, signal, (settings) => read(name, namespace, settings))
      const labelSelector = `${own},${labels.function}=${functionName},${labels.deployment}!=${deploymentId}`
      const others = await api.call('list deployments', signal, (settings) =>
        apps.listNamespacedDeployment({ namespace: versions, labelSelector }, settings)
      )
      if (others.items.length > 0 || metadata?.labels?.[labels.installation] !== installation) return
      const { uid, resourceVersion } = metadata
      const body = { preconditions: { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) } }
      await api.call(`remove ${kind} ${name}`, signal, (settings) => remove(name, namespace, body, settings))
    } catch (err) {
      if (!(err instanceof Failure && (err.code === 'not-found' || err.code === 'conflict'))) throw err
    }
  }

  return async function remove(deploymentId: string, graceMs: number, signal: AbortSignal): Promise<void> {
    const labelSelector = `${own},${labels.deployment}=${deploymentId}`
    const [deployments, pods] = await Promise.all([
      api.call('list deployments', signal, (settings) =>
        apps.listDeploymentForAllNamespaces({ labelSelector }, settings)
      ),
      api.call('list pods', signal, (settings) => core.listPodForAllNamespaces({ labelSelector }, settings))
    ])
    const found = [...deployments.items, ...pods.items].flatMap(({ metadata }) =>
      metadata?.namespace === undefined ? [] : [[metadata.namespace, metadata.labels ?? {}] as const]
    )
    for (const [namespace, marks] of new Map(found)) {
      const { [labels.function]: functionName, [labels.owner]: ownerSlug } = marks
      if (functionName !== undefined && ownerSlug !== undefined) {
        const version = { functionName, deploymentId, versions: namespace }
        await removeShared('service', { namespace, name: serviceName(functionName) }, version, signal)
        if (ingressNamespace !== null) {
          const name = ingressName({ ownerSlug, functionName })
          await removeShared('ingress', { namespace: ingressNamespace, name }, version, signal)
        }
      }
      const chosen = { namespace, labelSelector }
      await api.call('remove a deployment', signal, (settings) =>
        apps.deleteCollectionNamespacedDeployment({ ...chosen, propagationPolicy: 'Background' }, settings)
      )
      await removePods(chosen, deploymentId, graceMs, signal)
    }
    if (found.length > 0) logger.info({ deploymentId }, 'deployment removed')
  }
}
