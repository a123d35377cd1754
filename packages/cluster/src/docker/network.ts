import { randomInt } from 'node:crypto'
import { Failure } from '@slipway/domain'
import type { NetworkInspectInfo } from 'dockerode'
import { labels, shortInstallation } from '../labels.ts'
import { type Engine, engineMessage, longCallMs, orAbort, statusOf } from './engine.ts'
import { hostNetworks } from './host-networks.ts'
import { bridgeName, bridgePrefix, networkHash } from './owner-bridge.ts'
import {
  formatAddress,
  formatSubnet,
  gatewayOf,
  nextAddress,
  overlaps,
  parseSubnet,
  type Subnet,
  sizeOf,
  subnetsOf
} from './subnet.ts'

export interface OwnerNetwork {
  id: string
  name: string
  subnet: Subnet
}

/** One small network for each owner; its containers reach each other and nobody else's. */
export interface OwnerNetworks {
  nameOf(slug: string): string
  /** null when the owner has none yet. */
  find(slug: string, signal: AbortSignal): Promise<OwnerNetwork | null>
  /** Slugs of the owners who have one. */
  owners(signal: AbortSignal): Promise<string[]>
  /** Makes it where there is none. */
  ensure(slug: string, signal: AbortSignal): Promise<OwnerNetwork>
  /**
   * Chooses an address for a replica, and keeps it from being chosen again until `release`.
   *
   * @param pinned addresses that the network's containers have, running or not.
   * @throws Failure `limit-exceeded` when all are taken.
   */
  takeAddress(network: OwnerNetwork, pinned: ReadonlySet<string>): string
  releaseAddress(address: string): void
  /** Removes the owner's network if no container is left in it. */
  remove(slug: string, signal: AbortSignal): Promise<void>
}

/** Whose network the isolation probe runs in. No owner can have this slug: it is no DNS label. */
export const probeSlug = '-check'

const makeLimitMs = 5 * 60_000

export interface NetworkOptions {
  engine: Engine
  installation: string
  pool: Subnet
  subnetPrefix: number
}

export function createOwnerNetworks({ engine, installation, pool, subnetPrefix }: NetworkOptions): OwnerNetworks {
  const making = new Map<string, Promise<OwnerNetwork>>()
  const addresses = createAddressBook()
  const nameOf = (slug: string) => `${bridgePrefix}-${shortInstallation(installation)}-${slug}`

  const find = (slug: string, signal: AbortSignal) => findNetwork({ engine, installation }, nameOf(slug), signal)

  const create = (slug: string, signal: AbortSignal) =>
    createSmallNetwork(
      { engine, installation, pool },
      { name: nameOf(slug), key: slug, prefix: subnetPrefix, labels: { [labels.owner]: slug } },
      signal
    )

  return {
    nameOf,
    find,
    async owners(signal) {
      const filters = { label: [`${labels.installation}=${installation}`] }
      const found = await engine.call('list networks', signal, (docker, abortSignal) =>
        docker.listNetworks({ filters, abortSignal })
      )
      return found.flatMap(({ Labels }) => Labels?.[labels.owner] ?? []).filter((slug) => slug !== probeSlug)
    },
    async ensure(slug, signal) {
      const known = await find(slug, signal)
      if (known !== null) return known
      // Shared by all who want it now, so none of their signals ends it.
      const begun =
        making.get(slug) ?? create(slug, AbortSignal.timeout(makeLimitMs)).finally(() => making.delete(slug))
      making.set(slug, begun)
      return await orAbort(begun, signal)
    },
    takeAddress: addresses.takeAddress,
    releaseAddress: addresses.releaseAddress,
    async remove(slug, signal) {
      if ((await find(slug, signal)) === null) return
      try {
        await engine.call('remove a network', signal, (docker) => docker.getNetwork(nameOf(slug)).remove(), longCallMs)
      } catch (err) {
        // Gone already, or somebody moved in meanwhile: both are fine.
        if (statusOf(err) !== 404 && statusOf(err) !== 403) throw err
      }
    }
  }
}

async function findNetwork(
  { engine, installation }: Pick<NetworkOptions, 'engine' | 'installation'>,
  name: string,
  signal: AbortSignal
): Promise<OwnerNetwork | null> {
  try {
    const found = await engine.call('inspect a network', signal, (docker) => docker.getNetwork(name).inspect())
    return networkOf(found, installation)
  } catch (err) {
    if (statusOf(err) === 404) return null
    throw err
  }
}

export interface SmallNetwork {
  name: string
  /** What its bridge's name and its first choice of addresses are made of. */
  key: string
  /** Bits of its subnet. */
  prefix: number
  labels: Readonly<Record<string, string>>
}

/** Makes a network that the firewall's rules hold for, on addresses of the pool that nobody has. */
export async function createSmallNetwork(
  { engine, installation, pool }: Omit<NetworkOptions, 'subnetPrefix'>,
  wanted: SmallNetwork,
  signal: AbortSignal
): Promise<OwnerNetwork> {
  const { name, key, prefix } = wanted
  const hash = networkHash(installation, key)
  const refused: Subnet[] = []
  // Other processes and installations choose from the same pool at the same time: the engine decides who was first.
  for (let tries = 0; tries < 50; tries++) {
    const taken = [...(await takenSubnets(engine, signal)), ...refused]
    const start = Number.parseInt(hash.slice(0, 8), 16)
    const subnet = subnetsOf(pool, prefix, start).find((one) => !taken.some((other) => overlaps(one, other)))
    if (subnet === undefined) throw poolIsUsedUp(pool, prefix)
    try {
      await engine.call(
        'create a network',
        signal,
        (docker, abortSignal) =>
          docker.createNetwork({ ...networkOptions(installation, wanted, hash, subnet), abortSignal }),
        longCallMs
      )
    } catch (err) {
      if (statusOf(err) === null) throw err
      const known = await findNetwork({ engine, installation }, name, signal)
      if (known !== null) return known
      if (!/overlap/i.test(engineMessage(err))) throw err
      refused.push(subnet)
      continue
    }
    const made = await findNetwork({ engine, installation }, name, signal)
    if (made !== null) return made
  }
  throw poolIsUsedUp(pool, prefix)
}

/** Remembers, for each subnet, the address that was given last and those that are about to be used. */
function createAddressBook(): Pick<OwnerNetworks, 'takeAddress' | 'releaseAddress'> {
  const last = new Map<string, string>()
  const reserved = new Set<string>()
  return {
    takeAddress({ subnet }, pinned) {
      const key = formatSubnet(subnet)
      // A process that has just started does not know what was given before: it begins anywhere.
      const before = last.get(key) ?? formatAddress(subnet.base + randomInt(sizeOf(subnet)))
      const address = nextAddress(subnet, new Set([...pinned, ...reserved]), before)
      if (address === null) {
        throw new Failure(
          'limit-exceeded',
          `no address is left in the owner's network ${key}: remove functions or replicas`
        )
      }
      last.set(key, address)
      reserved.add(address)
      return address
    },
    releaseAddress(address) {
      reserved.delete(address)
    }
  }
}

async function takenSubnets(engine: Engine, signal: AbortSignal): Promise<Subnet[]> {
  const [networks, host] = await Promise.all([
    engine.call('list networks', signal, (docker, abortSignal) => docker.listNetworks({ abortSignal })),
    hostNetworks()
  ])
  const docker = networks.flatMap(({ IPAM }) => IPAM?.Config ?? []).flatMap(({ Subnet: text }) => ipv4Subnet(text))
  return [...docker, ...host]
}

function ipv4Subnet(text: string | undefined): Subnet[] {
  return text === undefined || text.includes(':') ? [] : [parseSubnet(text)]
}

function networkOptions(installation: string, wanted: SmallNetwork, hash: string, subnet: Subnet) {
  return {
    Name: wanted.name,
    CheckDuplicate: true,
    Driver: 'bridge',
    Options: {
      'com.docker.network.bridge.name': bridgeName(hash),
      'com.docker.network.bridge.enable_icc': 'true'
    },
    IPAM: { Driver: 'default', Config: [{ Subnet: formatSubnet(subnet), Gateway: gatewayOf(subnet) }] },
    Labels: { ...wanted.labels, [labels.installation]: installation }
  }
}

/** @throws Failure `conflict` for a network of that name which is not this installation's. */
function networkOf(found: NetworkInspectInfo, installation: string): OwnerNetwork {
  const subnet = (found.IPAM?.Config ?? []).flatMap(({ Subnet: text }) => ipv4Subnet(text))[0]
  if (found.Labels?.[labels.installation] !== installation || subnet === undefined) {
    throw new Failure(
      'conflict',
      `the Docker network ${found.Name} is not one of this installation: remove or rename it`
    )
  }
  return { id: found.Id, name: found.Name, subnet }
}

function poolIsUsedUp(pool: Subnet, subnetPrefix: number): Failure {
  return new Failure(
    'unavailable',
    `no free /${subnetPrefix} network is left in the address pool ${formatSubnet(pool)}: configure a larger one`
  )
}
