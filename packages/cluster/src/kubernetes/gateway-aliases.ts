import type { V1HostAlias } from '@kubernetes/client-node'
import { Failure } from '@slipway/domain'
import { gatewayNames } from '../gateway-names.ts'
import type { ClusterLogger } from '../logger.ts'
import type { KubernetesApi } from './api.ts'
import type { InnerPolicy } from './owned-object.ts'
import type { Watched } from './watched.ts'

export interface GatewayAliasesDeps {
  api: KubernetesApi
  watched: Pick<Watched, 'deployment'>
  inner: InnerPolicy | null
  logger: ClusterLogger
}

/**
 * The lines of a deployment's hosts files. It keeps those that it was made with: another address would replace all of its pods when it
 * is only scaled.
 */
export function createGatewayAliases({ api, watched, inner, logger }: GatewayAliasesDeps) {
  return async (deploymentId: string, signal: AbortSignal): Promise<readonly V1HostAlias[]> => {
    const made = watched.deployment(deploymentId)
    if (made !== null) return made.spec?.template.spec?.hostAliases ?? []
    if (inner === null) return []
    try {
      return (await addressesOf(api, inner, signal)).map((ip) => ({ ip, hostnames: [...gatewayNames] }))
    } catch (err) {
      if (!(err instanceof Failure) || err.retry) throw err
      logger.warn({ err, deploymentId }, 'the function does not reach the gateway by name')
      return []
    }
  }
}

/**
 * Where functions find the gateway, of each family that its Service has.
 *
 * @throws Failure `not-found` where there is no such Service, `unsupported` where it has no address, `unavailable`
 */
export async function addressesOf(
  api: KubernetesApi,
  { gateway }: InnerPolicy,
  signal: AbortSignal
): Promise<string[]> {
  if ('address' in gateway) return [gateway.address]
  const { namespace, service: name } = gateway
  const core = api.config.makeApiClient(api.client.CoreV1Api)
  const { spec } = await api.call(`read Service ${namespace}/${name}`, signal, (settings) =>
    core.readNamespacedService({ namespace, name }, settings)
  )
  const given = spec?.clusterIPs ?? [spec?.clusterIP ?? 'None']
  const addresses = given.filter((address) => address !== 'None' && address !== '')
  if (addresses.length > 0) return addresses
  throw new Failure('unsupported', `the Service ${namespace}/${name} of the gateway has no address of the cluster`)
}
