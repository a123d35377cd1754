import type { V1Deployment } from '@kubernetes/client-node'
import { Failure } from '@slipway/domain'
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

  const done = <T>(
    { kind, name, namespace }: { kind: string; name: string; namespace: string | null },
    signal: AbortSignal,
    patch: (settings: CallSettings) => Promise<T>
  ): Promise<T> =>
    api
      .call(`apply ${kind} ${name}`, signal, (settings) => patch(asApply(settings)), 'again')
      .catch((err: unknown) => {
        // What is applied is made if it is not there: what can be missing is the namespace alone.
        if (!(err instanceof Failure) || err.code !== 'not-found') throw err
        throw new Failure('unavailable', `the namespace ${namespace} was removed meanwhile: it is tried again`, {
          cause: err
        })
      })

  const apply = async (object: OwnedObject, signal: AbortSignal) => {
    const { kind, metadata } = object
    const namespace = object.kind === 'Namespace' ? null : object.metadata.namespace
    await done({ kind, name: metadata.name, namespace }, signal, (settings) => send(object, settings))
  }
  const deployment = (body: V1Deployment, signal: AbortSignal) => {
    const { name = '', namespace = '' } = body.metadata ?? {}
    return done({ kind: 'Deployment', name, namespace }, signal, (settings) =>
      apps.patchNamespacedDeployment({ name, namespace, body, fieldManager, force: true }, settings)
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
