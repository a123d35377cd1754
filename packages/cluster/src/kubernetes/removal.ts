import { Failure } from '@slipway/domain'
import { labels } from '../labels.ts'
import type { ClusterLogger } from '../logger.ts'
import type { KubernetesApi } from './api.ts'
import { serviceName } from './objects.ts'
import type { Watched } from './watched.ts'

export interface RemovalDeps {
  api: KubernetesApi
  watched: Watched
  installation: string
  logger: ClusterLogger
}

/** How long to wait for pods that were told to end, before they are told again. */
const removeAgainMs = 1000

/** Takes away what belongs to one deployment, and with the last version of a function what all its versions share. */
export function createRemoval({ api, watched, installation, logger }: RemovalDeps) {
  const core = api.config.makeApiClient(api.client.CoreV1Api)
  const apps = api.config.makeApiClient(api.client.AppsV1Api)
  const policy = api.config.makeApiClient(api.client.PolicyV1Api)

  async function removePods(
    chosen: { namespace: string; labelSelector: string },
    deploymentId: string,
    graceMs: number,
    signal: AbortSignal
  ): Promise<void> {
    // Until its ReplicaSet is collected, it may make another for one that goes.
    for (;;) {
      const left = await api.call('list pods', signal, (settings) => core.listNamespacedPod(chosen, settings))
      if (left.items.length === 0) return
      await api.call('remove pods', signal, (settings) =>
        core.deleteCollectionNamespacedPod({ ...chosen, gracePeriodSeconds: Math.ceil(graceMs / 1000) }, settings)
      )
      await watched.changed(deploymentId, graceMs === 0 ? 100 : removeAgainMs, signal)
    }
  }

  /** Not while another version is there. One that is applied meanwhile has changed the service, which then stays. */
  async function removeService(namespace: string, functionName: string, signal: AbortSignal): Promise<void> {
    const name = serviceName(functionName)
    try {
      const service = await api.call(`read service ${name}`, signal, (settings) =>
        core.readNamespacedService({ namespace, name }, settings)
      )
      const labelSelector = `${labels.installation}=${installation},${labels.function}=${functionName}`
      const others = await api.call('list deployments', signal, (settings) =>
        apps.listNamespacedDeployment({ namespace, labelSelector }, settings)
      )
      if (others.items.length > 0 || service.metadata?.labels?.[labels.installation] !== installation) return
      const { uid, resourceVersion } = service.metadata
      const body = { preconditions: { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) } }
      await api.call(`remove service ${name}`, signal, (settings) =>
        core.deleteNamespacedService({ namespace, name, body }, settings)
      )
    } catch (err) {
      if (!(err instanceof Failure && (err.code === 'not-found' || err.code === 'conflict'))) throw err
    }
  }

  return async function remove(deploymentId: string, graceMs: number, signal: AbortSignal): Promise<void> {
    const labelSelector = `${labels.installation}=${installation},${labels.deployment}=${deploymentId}`
    const [deployments, pods] = await Promise.all([
      api.call('list deployments', signal, (settings) =>
        apps.listDeploymentForAllNamespaces({ labelSelector }, settings)
      ),
      api.call('list pods', signal, (settings) => core.listPodForAllNamespaces({ labelSelector }, settings))
    ])
    const found = [...deployments.items, ...pods.items].flatMap(({ metadata }) =>
      metadata?.namespace === undefined
        ? []
        : [[metadata.namespace, metadata.labels?.[labels.function] ?? null] as const]
    )
    for (const [namespace, functionName] of new Map(found)) {
      const chosen = { namespace, labelSelector }
      await api.call('remove a deployment', signal, (settings) =>
        apps.deleteCollectionNamespacedDeployment({ ...chosen, propagationPolicy: 'Background' }, settings)
      )
      await api.call('remove a disruption budget', signal, (settings) =>
        policy.deleteCollectionNamespacedPodDisruptionBudget(chosen, settings)
      )
      await removePods(chosen, deploymentId, graceMs, signal)
      await api.call('remove secrets', signal, (settings) => core.deleteCollectionNamespacedSecret(chosen, settings))
      if (functionName !== null) await removeService(namespace, functionName, signal)
    }
    if (found.length > 0) logger.info({ deploymentId }, 'deployment removed')
  }
}
