import { randomUUID } from 'node:crypto'
import type { ContainerCreateOptions } from 'dockerode'
import { labels, shortInstallation } from '../labels.ts'
import type { ClusterLogger } from '../logger.ts'
import { type Engine, engineMessage, longCallMs, orAbort, statusOf } from './engine.ts'
import type { OwnerNetworks } from './network.ts'
import { gatewayHosts } from './owner-bridge.ts'
import { ensurePauseImage, pauseArchitecture } from './pause-image.ts'
import { removeContainer } from './remove-container.ts'
import { gatewayOf, sizeOf } from './subnet.ts'

/**
 * What a replica's network is held by: a container that only waits, whose network the function's container joins.
 * An engine needs much longer to give a container a network than to start its process, and the network does not depend on the image:
 * with one that is ready the new version of a function starts in half the time. Kubernetes' pods are made in the same way.
 */
export interface Sandbox {
  id: string
  address: string
}

export interface Sandboxes {
  /** Makes one for the owner's next replica, in the background, if there is none. */
  prepare(ownerSlug: string): void
  /** The one that is ready or being made; null when there is none. Whoever takes it removes it. */
  take(ownerSlug: string, signal: AbortSignal): Promise<Sandbox | null>
  /** Which of this installation's run. */
  running(signal: AbortSignal): Promise<Set<string>>
  /** @returns false when it is not there any more, or somebody else has its address. */
  start(id: string, signal: AbortSignal): Promise<boolean>
  remove(id: string, signal: AbortSignal): Promise<void>
  /** Removes all of an owner that no replica has joined, those that another process or one that is gone has made too. */
  removeAll(ownerSlug: string, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** The next push of somebody who just pushed comes soon, or much later. */
const keptMs = 10 * 60_000
/** An owner's network that has no more addresses than these keeps them for replicas. */
const addressesKept = 8
/** What has just begun should not share the machine with this. */
const settleMs = 500
const makeLimitMs = 60_000
const closeLimitMs = 5000
/** One that nobody joined for so long is not waiting for anything: its process is gone. */
const abandonedMs = 2 * keptMs

interface Waiting {
  /** null while it was not begun. */
  made: Promise<Sandbox | null> | null
  timer: NodeJS.Timeout
}

export interface SandboxOptions {
  engine: Engine
  installation: string
  networks: OwnerNetworks
  /** Addresses that the owner's containers are pinned to. */
  addressesIn(network: string, signal: AbortSignal): Promise<Set<string>>
  /** Sandboxes that replicas have joined. */
  joined(signal: AbortSignal): Promise<Set<string>>
  /** Of the engine's machine, in OCI's words: there is a program that waits for one only. */
  architecture(signal: AbortSignal): Promise<string>
  resolvers: readonly string[]
  /** The gateway listens on the owners' bridges. */
  hasGateway: boolean
  /** How many owners' next replicas may be prepared for at a time. */
  limit: number
  logger: ClusterLogger
  now: () => number
}

export function createSandboxes(options: SandboxOptions): Sandboxes {
  const { engine, installation, networks, resolvers, logger, now } = options
  const waiting = new Map<string, Waiting>()
  let isClosing = false
  let imageBeingMade: Promise<string> | null = null

  async function list(ownerSlug: string | null, signal: AbortSignal) {
    const label = [`${labels.installation}=${installation}`, `${labels.role}=${sandboxRole}`]
    if (ownerSlug !== null) label.push(`${labels.owner}=${ownerSlug}`)
    return engine.call('list containers', signal, (docker, abortSignal) =>
      docker.listContainers({ all: true, filters: { label }, abortSignal })
    )
  }

  /** Made by one at a time: of two that are made at once one would stay without a name. */
  async function pauseImage(signal: AbortSignal): Promise<string> {
    imageBeingMade ??= ensurePauseImage(engine, installation, signal)
    try {
      return await imageBeingMade
    } finally {
      imageBeingMade = null
    }
  }

  async function make(ownerSlug: string, signal: AbortSignal): Promise<Sandbox | null> {
    const network = await networks.find(ownerSlug, signal)
    if (network === null) return null // whoever it was for is gone meanwhile
    const pinned = await options.addressesIn(network.name, signal)
    if (sizeOf(network.subnet) - pinned.size <= addressesKept) return null
    const image = await pauseImage(signal)
    const address = networks.takeAddress(network, pinned)
    try {
      const name = `slw-${shortInstallation(installation)}-${ownerSlug}-net-${randomUUID().slice(0, 8)}`
      const gatewayAddress = options.hasGateway ? gatewayOf(network.subnet) : null
      const held = { installation, ownerSlug, image, network: network.name, address, gatewayAddress, resolvers }
      const body = sandboxOptions(held)
      const named = { name, _query: { name }, _body: body } // as for replicas
      const created = await engine.call(
        'create a container',
        signal,
        (docker, abortSignal) => docker.createContainer({ ...named, abortSignal }),
        longCallMs
      )
      try {
        if (await start(created.id, signal)) return { id: created.id, address }
        throw new Error('it was removed while it started, or its address was taken')
      } catch (err) {
        await remove(created.id, AbortSignal.timeout(longCallMs))
        throw err
      }
    } finally {
      networks.releaseAddress(address)
    }
  }

  async function makeQuietly(ownerSlug: string): Promise<Sandbox | null> {
    const signal = AbortSignal.timeout(makeLimitMs)
    try {
      if ((await options.architecture(signal)) !== pauseArchitecture) return null
      await removeAbandoned(signal)
      return await make(ownerSlug, signal)
    } catch (err) {
      // The next replica starts without one, as the first one does.
      logger.warn({ err, owner: ownerSlug }, 'no network could be made ready')
      return null
    }
  }

  /** What a process that was killed had ready. Those of a process that runs are younger, or joined. */
  async function removeAbandoned(signal: AbortSignal): Promise<void> {
    const [all, joined] = await Promise.all([list(null, signal), options.joined(signal)])
    const abandoned = all.filter(({ Id, Created }) => !joined.has(Id) && Created * 1000 < now() - abandonedMs)
    await Promise.all(abandoned.map(({ Id }) => remove(Id, signal)))
  }

  async function start(id: string, signal: AbortSignal): Promise<boolean> {
    try {
      await engine.call(
        'start a container',
        signal,
        (docker, abortSignal) => docker.getContainer(id).start({ abortSignal }),
        longCallMs
      )
      return true
    } catch (err) {
      if (statusOf(err) === 304) return true
      if (statusOf(err) === 404 || /address already in use/i.test(engineMessage(err))) return false
      throw err
    }
  }

  const remove = async (id: string, signal: AbortSignal) => void (await removeContainer(engine, id, signal))

  async function take(ownerSlug: string, signal: AbortSignal): Promise<Sandbox | null> {
    const one = waiting.get(ownerSlug)
    if (one === undefined) return null
    const sandbox = one.made === null ? null : await orAbort(one.made, signal)
    if (waiting.get(ownerSlug) !== one) return null // there is none after all, or another roll-out was quicker
    waiting.delete(ownerSlug)
    clearTimeout(one.timer)
    return sandbox
  }

  /** The one that this process keeps ready. */
  async function drop(ownerSlug: string, signal: AbortSignal): Promise<void> {
    const sandbox = await take(ownerSlug, signal)
    if (sandbox !== null) await remove(sandbox.id, signal)
  }

  function dropUnused(ownerSlug: string): void {
    drop(ownerSlug, AbortSignal.timeout(longCallMs)).catch((err: unknown) =>
      logger.warn({ err, owner: ownerSlug }, 'a network that was made ready could not be removed, it is tried again')
    )
  }

  function begin(ownerSlug: string, one: Waiting): void {
    one.timer = setTimeout(dropUnused, keptMs, ownerSlug).unref()
    one.made = makeQuietly(ownerSlug).then((sandbox) => {
      if (sandbox === null && waiting.get(ownerSlug) === one) waiting.delete(ownerSlug)
      return sandbox
    })
  }

  return {
    prepare(ownerSlug) {
      if (isClosing || waiting.has(ownerSlug) || waiting.size >= options.limit) return
      const one: Waiting = { made: null, timer: setTimeout(() => begin(ownerSlug, one), settleMs).unref() }
      waiting.set(ownerSlug, one)
    },
    take,
    async running(signal) {
      return new Set((await list(null, signal)).flatMap(({ Id, State }) => (State === 'running' ? [Id] : [])))
    },
    start,
    remove,
    async removeAll(ownerSlug, signal) {
      await drop(ownerSlug, signal)
      const all = await list(ownerSlug, signal)
      // Asked afterwards: the owner may have got a replica since it was looked whether there is one.
      const joined = await options.joined(signal)
      await Promise.all(all.filter(({ Id }) => !joined.has(Id)).map(({ Id }) => remove(Id, signal)))
    },
    async close() {
      isClosing = true
      const limit = AbortSignal.timeout(closeLimitMs)
      // One that is being made is waited for: the engine would make it all the same. What stays, because the engine is away, goes later.
      await Promise.allSettled([...waiting.keys()].map((slug) => drop(slug, limit)))
    }
  }
}

/** What labels say that a container is, when it is no replica. */
const sandboxRole = 'network'

/** It is nobody, may do nothing, and takes next to nothing. */
function sandboxOptions(sandbox: {
  installation: string
  ownerSlug: string
  image: string
  network: string
  address: string
  gatewayAddress: string | null
  resolvers: readonly string[]
}): ContainerCreateOptions {
  const { installation, ownerSlug, image, network, address, gatewayAddress, resolvers } = sandbox
  return {
    Image: image,
    User: '65534:65534',
    Labels: {
      [labels.installation]: installation,
      [labels.owner]: ownerSlug,
      [labels.role]: sandboxRole,
      [labels.address]: address
    },
    // As process 1 it would not notice SIGTERM, and it has nothing to finish.
    StopSignal: 'SIGKILL',
    HostConfig: {
      NetworkMode: network,
      Dns: [...resolvers],
      ExtraHosts: gatewayHosts(gatewayAddress),
      LogConfig: { Type: 'none', Config: {} },
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges:true'],
      IpcMode: 'private',
      Memory: 8 * 1024 * 1024,
      MemorySwap: 8 * 1024 * 1024,
      PidsLimit: 8
    },
    NetworkingConfig: { EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: address } } } }
  }
}
