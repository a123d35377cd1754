import type { V1Deployment } from '@kubernetes/client-node'
import type { CallSettings, KubernetesApi } from './api.ts'
import type { OwnedObject } from './owned-object.ts'

/** Who Slipway is to the API server: it owns the fields that it applies. */
const fieldManager = 'slipway'

export interface Apply {
  (object: OwnedObject, signal: AbortSignal): Promise<void>
  /** As the API server has it then. */
  deployment(object: V1Deployment, signal: AbortSignal): Promise<V1Deployment>
}

/** Server-side apply: what we say of an object is so, what others say of it stays. */
export function createApply(api: KubernetesApi): Apply {
  const { client, config } = api
  const core = config.makeApiClient(client.CoreV1Api)
  const apps = config.makeApiClient(client.AppsV1Api)
  const networking = config.makeApiClient(client.NetworkingV1Api)
  const policy = config.makeApiClient(client.PolicyV1Api)
  const asApply = (settings: CallSettings) =>
    client.setHeaderOptions('content-type', client.PatchStrategy.ServerSideApply, settings) as CallSettings

  function send(object: OwnedObject, settings: CallSettings): Promise<unknown> {
    const { name } = object.metadata
    const owned = { name, body: object, fieldManager, force: true }
    if (object.kind === 'Namespace') return core.patchNamespace(owned, settings)
    const request = { ...owned, namespace: object.metadata.namespace }
    switch (object.kind) {
      case 'ServiceAccount':
        return core.patchNamespacedServiceAccount(request, settings)
      case 'LimitRange':
        return core.patchNamespacedLimitRange({ ...request, body: asSent(object) }, settings)
      case 'ResourceQuota':
        return core.patchNamespacedResourceQuota(request, settings)
      case 'Secret':
        return core.patchNamespacedSecret(request, settings)
      case 'Service':
        return core.patchNamespacedService(request, settings)
      case 'Ingress':
        return networking.patchNamespacedIngress(request, settings)
      case 'NetworkPolicy':
        return networking.patchNamespacedNetworkPolicy({ ...request, body: asSent(object) }, settings)
      case 'PodDisruptionBudget':
        return policy.patchNamespacedPodDisruptionBudget(request, settings)
    }
  }

  const apply = async (object: OwnedObject, signal: AbortSignal) => {
    await api.call(`apply ${object.kind} ${object.metadata.name}`, signal, (settings) =>
      send(object, asApply(settings))
    )
  }
  const deployment = ({ metadata, ...object }: V1Deployment, signal: AbortSignal) => {
    const request = { name: metadata?.name ?? '', namespace: metadata?.namespace ?? '', fieldManager, force: true }
    const body = { ...object, metadata }
    return api.call(`apply Deployment ${request.name}`, signal, (settings) =>
      apps.patchNamespacedDeployment({ ...request, body }, asApply(settings))
    )
  }
  return Object.assign(apply, { deployment })
}

const sentNames: Readonly<Record<string, string>> = { _from: 'from', _default: 'default' }

/** The client's names for fields that are words of JavaScript; the bodies of patches it sends as they are. */
function asSent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asSent)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [sentNames[name] ?? name, asSent(inner)]))
}
