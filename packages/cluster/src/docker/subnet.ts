import { Failure } from '@slipway/domain'

/** An IPv4 network: first address as a number, and the bits of its prefix. */
export interface Subnet {
  base: number
  prefix: number
}

/** @throws Failure `invalid-configuration` */
export function parseSubnet(text: string): Subnet {
  const [address = '', bits = ''] = text.split('/')
  const value = parseAddress(address)
  const prefix = Number(bits)
  if (value === null || !/^\d{1,2}$/.test(bits) || prefix > 32) {
    throw new Failure('invalid-configuration', `${JSON.stringify(text)} is not an IPv4 network such as 10.201.0.0/16`)
  }
  return { base: firstOf(value, prefix), prefix }
}

export function parseAddress(text: string): number | null {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return null
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0)
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')
}

export function formatSubnet({ base, prefix }: Subnet): string {
  return `${formatAddress(base)}/${prefix}`
}

export function sizeOf({ prefix }: Subnet): number {
  return 2 ** (32 - prefix)
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.base < b.base + sizeOf(b) && b.base < a.base + sizeOf(a)
}

/** The bridge's own address: the first that may be used. */
export function gatewayOf(subnet: Subnet): string {
  return formatAddress(subnet.base + 1)
}

/**
 * The next address after `last` that is not taken. Going round instead of taking the lowest leaves an address that was
 * given up alone for as long as possible: somebody may still be asking it for what was there.
 *
 * @param last the address that was given last; null when none was.
 * @returns null when all are taken. Network, broadcast and bridge address are never given.
 */
export function nextAddress(subnet: Subnet, taken: ReadonlySet<string>, last: string | null): string | null {
  const first = subnet.base + 2
  const count = sizeOf(subnet) - 3
  const value = last === null ? null : parseAddress(last)
  const start = value === null ? first : value + 1
  for (let i = 0; i < count; i++) {
    const address = formatAddress(first + ((((start - first + i) % count) + count) % count))
    if (!taken.has(address)) return address
  }
  return null
}

/** The subnets of `prefix` bits in a pool, beginning with the one at `start` and going round. */
export function* subnetsOf(pool: Subnet, prefix: number, start: number): Generator<Subnet> {
  const size = 2 ** (32 - prefix)
  const count = Math.floor(sizeOf(pool) / size)
  for (let i = 0; i < count; i++) yield { base: pool.base + ((start + i) % count) * size, prefix }
}

function firstOf(address: number, prefix: number): number {
  const size = 2 ** (32 - prefix)
  return Math.floor(address / size) * size
}
