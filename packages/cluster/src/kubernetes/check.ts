import type { V1ResourceAttributes } from '@kubernetes/client-node'
import { Failure } from '@slipway/domain'
import type { KubernetesApi } from './api.ts'
import { addressesOf } from './gateway-aliases.ts'
import type { InnerPolicy, KubernetesPolicy } from './owned-object.ts'

export type Permission = Required<Pick<V1ResourceAttributes, 'group' | 'resource' | 'verb'>>

/** Exactly what this cluster uses in all namespaces; the chart's role gives the same. */
export const permissions: readonly Permission[] = [
  ...of('', 'namespaces', ['get', 'create', 'patch']),
  ...of('', 'serviceaccounts', ['create', 'patch']),
  ...of('', 'limitranges', ['create', 'patch']),
  ...of('', 'resourcequotas', ['create', 'patch']),
  ...of('', 'secrets', ['create', 'patch']),
  ...of('', 'pods', ['list', 'watch', 'deletecollection']),
  ...of('', 'pods/log', ['get']),
  ...of('', 'services', ['get', 'create', 'patch', 'delete']),
  ...of('', 'events', ['list']),
  ...of('apps', 'deployments', ['list', 'watch', 'create', 'patch', 'deletecollection']),
  ...of('networking.k8s.io', 'networkpolicies', ['create', 'patch']),
  ...of('policy', 'poddisruptionbudgets', ['create', 'patch'])
]

/** Where each function has an Ingress: in the gateway's namespace alone. */
export const ingressPermissions: readonly Permission[] = of('networking.k8s.io', 'ingresses', [
  'get',
  'create',
  'patch',
  'delete'
])

/** What a gateway needs that knows functions by their addresses. They are no secrets: it sees nothing else of the cluster. */
export const gatewayPermissions: readonly Permission[] = of('discovery.k8s.io', 'endpointslices', ['list', 'watch'])

function of(group: string, resource: string, verbs: string[]) {
  return verbs.map((verb) => ({ group, resource, verb }))
}

/** For `doctor`: does the API server answer, and may we do what we do? */
export async function runChecks(
  connected: unknown,
  { ingress, inner }: Pick<KubernetesPolicy, 'ingress' | 'inner'>,
  signal: AbortSignal
) {
  if (!isConnected(connected)) {
    const detail = connected instanceof Error ? connected.message : String(connected)
    return [{ name: 'kubernetes', isOk: false, detail }]
  }
  const { api } = connected
  try {
    const version = await api.call('ask its version', signal, (settings) =>
      api.config.makeApiClient(api.client.VersionApi).getCode(settings)
    )
    const missing = [
      ...(await missingPermissions(api, permissions, null, signal)),
      ...(ingress === null ? [] : await missingPermissions(api, ingressPermissions, ingress.gateway.namespace, signal))
    ]
    return [
      { name: 'kubernetes', isOk: true, detail: `Kubernetes ${version.gitVersion} answers` },
      {
        name: 'permissions',
        isOk: missing.length === 0,
        detail: missing.length === 0 ? 'all that are used are given' : `not given: ${missing.join(', ')}`
      },
      {
        name: 'network policies',
        isOk: true,
        detail: 'they are made for every owner; whether they hold is up to the network plugin of the cluster'
      },
      ...(inner === null ? [] : [await gatewayFinding(api, inner, signal)])
    ]
  } catch (err) {
    if (!(err instanceof Failure)) throw err
    return [{ name: 'kubernetes', isOk: false, detail: err.message }]
  }
}

async function gatewayFinding(api: KubernetesApi, inner: InnerPolicy, signal: AbortSignal) {
  const name = 'calls between functions'
  try {
    const addresses = await addressesOf(api, inner, signal)
    return { name, isOk: true, detail: `new versions find the gateway at ${addresses.join(' and ')}` }
  } catch (err) {
    if (!(err instanceof Failure)) throw err
    return { name, isOk: false, detail: err.message }
  }
}

function isConnected(value: unknown): value is { api: KubernetesApi } {
  return typeof value === 'object' && value !== null && 'api' in value
}

/** @param namespace where they are needed; null: in all. */
async function missingPermissions(
  api: KubernetesApi,
  needed: readonly Permission[],
  namespace: string | null,
  signal: AbortSignal
): Promise<string[]> {
  const authorization = api.config.makeApiClient(api.client.AuthorizationV1Api)
  const asked = await Promise.all(
    needed.map(async (permission) => {
      const resourceAttributes = attributesOf(permission, namespace)
      const review = await api.call('ask for permissions', signal, (settings) =>
        authorization.createSelfSubjectAccessReview({ body: { spec: { resourceAttributes } } }, settings)
      )
      const where = namespace === null ? '' : ` in ${namespace}`
      return review.status?.allowed === true ? [] : [`${permission.verb} ${permission.resource}${where}`]
    })
  )
  return asked.flat()
}

/**
 * As a review asks for it.
 *
 * @param namespace null: in all.
 */
export function attributesOf({ group, resource, verb }: Permission, namespace: string | null): V1ResourceAttributes {
  const [name = '', subresource] = resource.split('/')
  return {
    group,
    verb,
    resource: name,
    ...(subresource === undefined ? {} : { subresource }),
    ...(namespace === null ? {} : { namespace })
  }
}
