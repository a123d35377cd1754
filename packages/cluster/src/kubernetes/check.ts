import type { V1ResourceAttributes } from '@kubernetes/client-node'
import { Failure } from '@slipway/domain'
import type { KubernetesApi } from './api.ts'

/** Exactly what this cluster uses; the chart's role gives the same. */
export const permissions: readonly Required<Pick<V1ResourceAttributes, 'group' | 'resource' | 'verb'>>[] = [
  ...of('', 'namespaces', ['get', 'create', 'patch']),
  ...of('', 'serviceaccounts', ['create', 'patch']),
  ...of('', 'limitranges', ['create', 'patch']),
  ...of('', 'resourcequotas', ['create', 'patch']),
  ...of('', 'secrets', ['create', 'patch', 'deletecollection']),
  ...of('', 'pods', ['list', 'watch', 'deletecollection']),
  ...of('', 'pods/log', ['get']),
  ...of('', 'services', ['get', 'create', 'patch', 'delete']),
  ...of('', 'events', ['list']),
  ...of('apps', 'deployments', ['list', 'watch', 'create', 'patch', 'deletecollection']),
  ...of('networking.k8s.io', 'networkpolicies', ['create', 'patch']),
  ...of('policy', 'poddisruptionbudgets', ['create', 'patch', 'deletecollection'])
]

function of(group: string, resource: string, verbs: string[]) {
  return verbs.map((verb) => ({ group, resource, verb }))
}

/** For `doctor`: does the API server answer, and may we do what we do? */
export async function runChecks(connected: unknown, signal: AbortSignal) {
  if (!isConnected(connected)) {
    const detail = connected instanceof Error ? connected.message : String(connected)
    return [{ name: 'kubernetes', isOk: false, detail }]
  }
  const { api } = connected
  try {
    const version = await api.call('ask its version', signal, (settings) =>
      api.config.makeApiClient(api.client.VersionApi).getCode(settings)
    )
    const missing = await missingPermissions(api, signal)
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
      }
    ]
  } catch (err) {
    if (!(err instanceof Failure)) throw err
    return [{ name: 'kubernetes', isOk: false, detail: err.message }]
  }
}

function isConnected(value: unknown): value is { api: KubernetesApi } {
  return typeof value === 'object' && value !== null && 'api' in value
}

async function missingPermissions(api: KubernetesApi, signal: AbortSignal): Promise<string[]> {
  const authorization = api.config.makeApiClient(api.client.AuthorizationV1Api)
  const asked = await Promise.all(
    permissions.map(async ({ group, resource, verb }) => {
      const [name = '', subresource] = resource.split('/')
      const resourceAttributes = { group, verb, resource: name, ...(subresource === undefined ? {} : { subresource }) }
      const review = await api.call('ask for permissions', signal, (settings) =>
        authorization.createSelfSubjectAccessReview({ body: { spec: { resourceAttributes } } }, settings)
      )
      return review.status?.allowed === true ? [] : [`${verb} ${resource}`]
    })
  )
  return asked.flat()
}
