import { randomUUID } from 'node:crypto'
import { Failure } from '@slipway/domain'
import type Docker from 'dockerode'
import type { ContainerCreateOptions } from 'dockerode'
import { labels, shortInstallation } from '../labels.ts'
import type { ClusterLogger } from '../logger.ts'
import { createEngine, type Engine, longCallMs, statusOf } from './engine.ts'
import { createFirewall, type Firewall } from './firewall.ts'
import { createSmallNetwork } from './network.ts'
import { bridgePrefix } from './owner-bridge.ts'
import { ensurePauseImage } from './pause-image.ts'
import { removeContainer } from './remove-container.ts'
import { parseSubnet, type Subnet } from './subnet.ts'

/** What all that one build runs may use together. */
export interface BuildRoomLimits {
  memoryBytes: number
  cpuMillis: number
  /** Processes and threads. */
  pids: number
}

/** Where one build runs apart from all else: a cgroup with limits that hold, and a network behind the host firewall. */
export interface BuildRoom extends AsyncDisposable {
  /** For the engine's classic builder. */
  readonly cgroupParent: string
  readonly networkMode: string
  /** What the build's steps have written so far, without what they began with. */
  writtenBytes(signal: AbortSignal): Promise<number>
}

export interface BuildRooms {
  /** Does all hold that keeps builds apart? @throws Failure as `open` does */
  check(signal: AbortSignal): Promise<void>
  /** @throws Failure `invalid-configuration` where limits or firewall do not hold, `unavailable` */
  open(signal: AbortSignal): Promise<BuildRoom>
  /** Removes those of processes that are gone. Returns how many. */
  sweep(signal: AbortSignal): Promise<number>
  close(): void
}

export interface BuildRoomOptions {
  /** An engine, or how to reach one. */
  docker: Docker | Docker.DockerOptions
  installation: string
  /** The same as the functions': the firewall's rules go by it. */
  networkPool: string
  firewall: 'on' | 'off'
  /** DNS servers of the builds; empty: the engine's own choice. */
  resolvers: readonly string[]
  limits: BuildRoomLimits
  /** No build takes longer. */
  longestMs: number
  logger: ClusterLogger
  now: () => number
}

/** What labels say that a container or network is. */
const buildRole = 'build'
/** For the bridge, the build and nobody else. */
const networkPrefix = 29
/** Of the container that waits. */
const ownPids = 1
/** The engine puts the room below this one, whatever its own default is. */
const cgroupOfRooms = '/slipway-builds'

/**
 * The classic builder puts a build's containers below any cgroup and into any container's network: both are those of a container that
 * only waits. So the limits are the engine's own, hold for all steps together, need no rights on the host, and go with the container.
 */
export function createBuildRooms(options: BuildRoomOptions): BuildRooms {
  const { installation, resolvers, longestMs, logger, now } = options
  const engine = createEngine(options.docker)
  const pool = parseSubnet(options.networkPool)
  const firewall = createFirewall({
    mode: options.firewall,
    pool: options.networkPool,
    gatewayPort: null,
    resolvers,
    logger
  })
  const opened = new Set<string>()
  let checked: Promise<void> | null = null
  const isOurs = [`${labels.installation}=${installation}`, `${labels.role}=${buildRole}`]

  async function assertHolds(signal: AbortSignal): Promise<void> {
    checked ??= assertLimits(engine, signal)
    try {
      await checked
    } catch (err) {
      checked = null
      throw err
    }
    await assertFirewall(firewall, signal)
  }

  async function sweepContainers(signal: AbortSignal): Promise<number> {
    const found = await engine.call('list containers', signal, (docker, abortSignal) =>
      docker.listContainers({ all: true, filters: { label: isOurs }, abortSignal })
    )
    const abandoned = found.filter(({ Id, Created }) => !opened.has(Id) && Created * 1000 < now() - longestMs)
    for (const { Id } of abandoned) {
      await removeBuilders(engine, Id, signal)
      await removeContainer(engine, Id, signal)
    }
    return abandoned.length
  }

  async function sweepNetworks(signal: AbortSignal): Promise<void> {
    const found = await engine.call('list networks', signal, (docker, abortSignal) =>
      docker.listNetworks({ filters: { label: isOurs }, abortSignal })
    )
    const abandoned = found.filter(({ Created }) => Date.parse(Created) < now() - longestMs)
    // One that is in use is refused by the engine.
    for (const { Id } of abandoned) await removeNetwork(engine, Id, signal)
  }

  return {
    check: assertHolds,
    async open(signal) {
      await assertHolds(signal)
      const room = await openRoom({ engine, installation, pool, resolvers, limits: options.limits }, signal)
      opened.add(room.id)
      return {
        cgroupParent: `${cgroupOfRooms}/${room.id}`,
        networkMode: `container:${room.id}`,
        writtenBytes: createMeter(engine, room.id),
        async [Symbol.asyncDispose]() {
          try {
            await closeRoom(engine, room)
          } catch (err) {
            logger.warn({ err }, 'what a build ran in could not be removed, it is tried again')
          } finally {
            opened.delete(room.id)
          }
        }
      }
    },
    async sweep(signal) {
      const count = await sweepContainers(signal)
      await sweepNetworks(signal)
      return count
    },
    close: () => engine.close()
  }
}

/** @throws Failure `invalid-configuration` naming what does not hold on this engine. */
async function assertLimits(engine: Engine, signal: AbortSignal): Promise<void> {
  if (!isHere(engine.docker)) throw cannot('the engine is on another machine, and the firewall of that one is not ours')
  const info: unknown = await engine.call('ask the engine about its host', signal, (docker) => docker.info())
  const missing = missingForRooms(info)
  if (missing !== null) throw cannot(missing)
}

function cannot(why: string): Failure {
  return new Failure('invalid-configuration', `builds cannot be kept apart (isolation "strict") here: ${why}`)
}

/** As far as its address tells. */
function isHere({ modem }: Docker): boolean {
  const { socketPath, host } = modem as { socketPath?: string; host?: string }
  return socketPath !== undefined || ['127.0.0.1', '::1', 'localhost'].includes(host ?? '')
}

/** What an engine lacks to keep builds apart; null: nothing. */
export function missingForRooms(info: unknown): string | null {
  const fields: Record<string, unknown> = typeof info === 'object' && info !== null ? { ...info } : {}
  if (fields.Architecture !== 'x86_64') return `it is made for x86-64 so far, this is ${String(fields.Architecture)}`
  // A cgroup of version 2 that has processes has no groups below it, and systemd wants slices.
  if (fields.CgroupDriver !== 'cgroupfs' || String(fields.CgroupVersion) !== '1') {
    return `a build's cgroup needs the engine's cgroup driver "cgroupfs" on cgroup v1, this is "${String(fields.CgroupDriver)}" on v${String(fields.CgroupVersion)}`
  }
  const wanted = { MemoryLimit: 'memory', CpuCfsQuota: 'CPU', PidsLimit: 'process' }
  const absent = Object.entries(wanted).flatMap(([field, word]) => (fields[field] === true ? [] : [word]))
  return absent.length === 0
    ? null
    : `${absent.join(', ')} limits do not hold, the kernel must be told to account for them`
}

async function assertFirewall(firewall: Firewall, signal: AbortSignal): Promise<void> {
  const state = await firewall.assert(signal)
  if (!state.isOk) throw cannot(state.detail)
}

interface RoomParts {
  engine: Engine
  installation: string
  pool: Subnet
  resolvers: readonly string[]
  limits: BuildRoomLimits
}

interface Room {
  id: string
  networkId: string
}

async function openRoom(
  { engine, installation, pool, resolvers, limits }: RoomParts,
  signal: AbortSignal
): Promise<Room> {
  const key = `build-${randomUUID().slice(0, 12)}`
  const name = `${bridgePrefix}-${shortInstallation(installation)}-${key}`
  const image = await ensurePauseImage(engine, installation, signal)
  const wanted = { name, key, prefix: networkPrefix, labels: { [labels.role]: buildRole } }
  const network = await createSmallNetwork({ engine, installation, pool }, wanted, signal)
  let id: string | null = null
  try {
    const body = roomOptions({ installation, image, network: network.name, resolvers, limits })
    const created = await engine.call(
      'create a container',
      signal,
      (docker, abortSignal) => docker.createContainer({ ...body, name, abortSignal }),
      longCallMs
    )
    id = created.id
    await engine.call(
      'start a container',
      signal,
      (docker, abortSignal) => docker.getContainer(created.id).start({ abortSignal }),
      longCallMs
    )
    return { id, networkId: network.id }
  } catch (err) {
    const limit = AbortSignal.timeout(longCallMs)
    await removeContainer(engine, id ?? name, limit)
    await removeNetwork(engine, network.id, limit)
    throw err
  }
}

/** It may do nothing itself: what it has is for the build. */
function roomOptions(room: {
  installation: string
  image: string
  network: string
  resolvers: readonly string[]
  limits: BuildRoomLimits
}): ContainerCreateOptions {
  const { memoryBytes, cpuMillis, pids } = room.limits
  return {
    Image: room.image,
    User: '65534:65534',
    Labels: { [labels.installation]: room.installation, [labels.role]: buildRole },
    StopSignal: 'SIGKILL',
    HostConfig: {
      NetworkMode: room.network,
      Dns: [...room.resolvers],
      LogConfig: { Type: 'none', Config: {} },
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges:true'],
      IpcMode: 'private',
      CgroupParent: cgroupOfRooms,
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      CpuPeriod: 100_000,
      CpuQuota: cpuMillis * 100,
      PidsLimit: pids + ownPids
    }
  }
}

async function closeRoom(engine: Engine, { id, networkId }: Room): Promise<void> {
  const limit = AbortSignal.timeout(longCallMs)
  await removeBuilders(engine, id, limit)
  await removeContainer(engine, id, limit)
  await removeNetwork(engine, networkId, limit)
}

/** The build's own containers: the engine gives them no label, but they are in the room's network. */
async function buildersIn(engine: Engine, roomId: string, signal: AbortSignal): Promise<string[]> {
  const all = await engine.call('list containers', signal, (docker, abortSignal) =>
    docker.listContainers({ all: true, abortSignal })
  )
  return all.flatMap(({ Id, HostConfig }) => (HostConfig?.NetworkMode === `container:${roomId}` ? [Id] : []))
}

/** Those that a build which was cut off has left. */
async function removeBuilders(engine: Engine, roomId: string, signal: AbortSignal): Promise<void> {
  for (const id of await buildersIn(engine, roomId, signal)) await removeContainer(engine, id, signal)
}

/** What each of the build's containers wrote at most: one is gone once its step has ended. */
function createMeter(engine: Engine, roomId: string): BuildRoom['writtenBytes'] {
  const written = new Map<string, number>()
  return async (signal) => {
    for (const id of await buildersIn(engine, roomId, signal)) {
      const bytes = await sizeOf(engine, id, signal)
      written.set(id, Math.max(bytes, written.get(id) ?? 0))
    }
    return written.values().reduce((sum, bytes) => sum + bytes, 0)
  }
}

async function sizeOf(engine: Engine, id: string, signal: AbortSignal): Promise<number> {
  try {
    const found = await engine.call(
      'measure a container',
      signal,
      (docker, abortSignal) => {
        const asked = { size: true, abortSignal } // dockerode sends it on, its types do not name it
        return docker.getContainer(id).inspect(asked)
      },
      longCallMs
    )
    return (found as { SizeRw?: number }).SizeRw ?? 0
  } catch (err) {
    if (statusOf(err) !== null) return 0 // its step has ended
    throw err
  }
}

async function removeNetwork(engine: Engine, id: string, signal: AbortSignal): Promise<void> {
  try {
    await engine.call('remove a network', signal, (docker) => docker.getNetwork(id).remove(), longCallMs)
  } catch (err) {
    if (statusOf(err) !== 404 && statusOf(err) !== 403) throw err // 403: somebody is in it
  }
}
