import type { Endpoint } from '@slipway/domain'
import { labels } from '../labels.ts'
import type { FunctionName, OpenFaasGateway } from './gateway.ts'

export interface PlacesOptions {
  address: URL
  /** `one`: all functions in one namespace; `owner`: each owner's in its own. */
  namespaces: 'one' | 'owner'
  /** The one; null: the gateway's default. */
  namespace: string | null
  installation: string
}

/** Where functions are: their namespaces, and their addresses. */
export interface Places {
  /** The namespace of an owner's functions, made where it is missing; null: the gateway's default. */
  ensure(ownerSlug: string, signal: AbortSignal): Promise<string | null>
  /** All that may hold functions of ours. */
  all(signal: AbortSignal): Promise<(string | null)[]>
  /** Below the gateway's address. */
  pathOf(which: FunctionName): string
  endpointOf(which: FunctionName): Endpoint
}

const prefix = 'slipway-'

export function createPlaces(options: PlacesOptions, gateway: OpenFaasGateway): Places {
  const { address, namespaces, namespace, installation } = options
  const known = new Set<string>()
  const pathOf = ({ name, namespace: inside }: FunctionName) =>
    `/function/${name}${inside === null ? '' : `.${inside}`}`

  return {
    async ensure(ownerSlug, signal) {
      if (namespaces === 'one') return namespace
      const name = `${prefix}${ownerSlug}`
      if (known.has(name)) return name
      if (!(await gateway.namespaces(signal)).includes(name)) {
        await gateway.createNamespace(name, { [labels.installation]: installation, [labels.owner]: ownerSlug }, signal)
      }
      known.add(name)
      return name
    },
    async all(signal) {
      if (namespaces === 'one') return [namespace]
      return (await gateway.namespaces(signal)).filter((name) => name.startsWith(prefix))
    },
    pathOf,
    endpointOf(which) {
      const isSecure = address.protocol === 'https:'
      return {
        host: address.hostname.replace(/^\[|\]$/g, ''),
        port: Number(address.port) || (isSecure ? 443 : 80),
        path: `${address.pathname.replace(/\/+$/, '')}${pathOf(which)}`,
        ...(isSecure ? { isSecure } : {})
      }
    }
  }
}
