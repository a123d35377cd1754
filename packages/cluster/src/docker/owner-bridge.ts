import { createHash } from 'node:crypto'
import { gatewayNames } from '../gateway-names.ts'

/*
 * What stands on the host of an owner's network. An entry of its own: the gateway looks for it too, and is to be small.
 */

/** Beginning of every bridge's name: the host firewall's rules go by it, for all installations on a host alike. */
export const bridgePrefix = 'slw'

/** Lines for the hosts file of a container. @param address null: no gateway listens there. */
export function gatewayHosts(address: string | null): string[] {
  return address === null ? [] : gatewayNames.map((name) => `${name}:${address}`)
}

/** Of an installation and whose network it is. The bridge's name, and where in the pool its addresses are looked for, come of it. */
export function networkHash(installation: string, key: string): string {
  return createHash('sha256').update(`${installation} ${key}`).digest('hex')
}

/** The kernel allows 15 characters. */
export function bridgeName(hash: string): string {
  return `${bridgePrefix}${hash.slice(0, 12)}`
}
