import { readFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { parseSubnet, type Subnet } from './subnet.ts'

/** The IPv4 networks that this host's interfaces are in, or has a route to: an owner's network must not hide one. */
export async function hostNetworks(): Promise<Subnet[]> {
  const interfaces = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .flatMap(({ family, cidr }) => (family === 'IPv4' && cidr !== null ? [parseSubnet(cidr)] : []))
  return [...interfaces, ...(await routes())]
}

/** proc(5), `/proc/net/route`: addresses and masks are little-endian hexadecimal. Elsewhere than on Linux there is none. */
async function routes(): Promise<Subnet[]> {
  let table: string
  try {
    table = await readFile('/proc/net/route', 'utf8')
  } catch {
    return []
  }
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, destination, , , , , , mask] = line.split('\t')
      if (destination === undefined || mask === undefined) return []
      const prefix = littleEndian(mask).toString(2).replaceAll('0', '').length
      return prefix === 0 ? [] : [{ base: littleEndian(destination), prefix }] // the default route covers everything
    })
}

function littleEndian(hex: string): number {
  return Buffer.from(hex, 'hex').readUInt32LE()
}
