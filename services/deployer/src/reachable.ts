import { BlockList, isIP } from 'node:net'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

const nearby = new BlockList()
for (const [network, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10]
] as const) {
  nearby.addSubnet(network, prefix)
}
nearby.addSubnet('fc00::', 7, 'ipv6')
nearby.addSubnet('fe80::', 10, 'ipv6')

/** From how far away an address may be reached: this machine, a network of one's own, anywhere. */
function rangeOf(url: string): number {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const family = isIP(host) === 6 ? 'ipv6' : 'ipv4'
  if (isIP(host) !== 0) return loopback.check(host, family) ? 0 : nearby.check(host, family) ? 1 : 2
  if (host === 'localhost' || host.endsWith('.localhost')) return 0
  return !host.includes('.') || /\.(?:local|lan|internal|home\.arpa)$/.test(host) ? 1 : 2
}

/**
 * Whether a forge can be expected to reach us there: an address of this machine only from this machine, one of a private
 * network only from a private network. Where it cannot, heads are asked often instead.
 */
export function isReachable(publicUrl: string | undefined, forgeUrl: string): boolean {
  return publicUrl !== undefined && rangeOf(publicUrl) >= rangeOf(forgeUrl)
}
