import { BlockList, isIP, isIPv6 } from 'node:net'
import { Failure } from '@slipway/domain/failure'

/** True for a peer that stands in the list. */
export type IsPeer = (address: string | undefined) => boolean

/**
 * Reads a list of addresses and networks, separated by commas or spaces.
 *
 * @param setting the variable that it came from, for the message.
 * @throws Failure `invalid-configuration`
 */
export function createPeerList(list: string, setting: string): IsPeer {
  const known = new BlockList()
  let isEmpty = true
  for (const entry of list.split(/[\s,]+/)) {
    if (entry === '') continue
    const [address = '', bits, ...more] = entry.split('/')
    const family = isIP(address)
    const prefix = bits === undefined ? (family === 6 ? 128 : 32) : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
    if (family === 0 || more.length > 0 || prefix < 0 || prefix > (family === 6 ? 128 : 32)) {
      throw new Failure(
        'invalid-configuration',
        `${setting} holds ${JSON.stringify(entry)}, which is neither an address nor a network like 10.0.0.0/8`
      )
    }
    known.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4')
    isEmpty = false
  }
  return (address) => {
    if (isEmpty || address === undefined) return false
    const plain = plainAddress(address)
    return known.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
  }
}

/** An IPv4 peer of a listener on `::` shows as `::ffff:a.b.c.d`. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}
