import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type BuildRoomLimits, createBuildRooms } from '@slipway/cluster/build-rooms'
import { type BuildIsolation, Failure } from '@slipway/domain'
import { type Logger, resolversOf } from '@slipway/service'
import type { BuilderConfig } from './config.ts'
import { type ProbeTale, type ProbeWish, probeArchitecture, probeContext, readTale } from './engine/build-probe.ts'
import { createImageEngine, type ImageEngine } from './engine/image-engine.ts'

export interface BuildFinding {
  name: string
  isOk: boolean
  detail: string
}

export interface BuildCheckDeps {
  /** What is made carries it, and is gone at the end; what a check that was killed left is removed by the next one. */
  installation: string
  /** The engine is on this machine: what a build there reaches can be seen from here. */
  isLocal: boolean
  logger: Logger
  now: () => number
}

/** Small: nobody beside a probe shall notice it. */
const limits: BuildRoomLimits = { memoryBytes: 64 * 1024 ** 2, cpuMillis: 200, pids: 24 }
/** More than the limits, and still little. */
const beyondLimits = { processes: 64, mebibytes: 192, busyMs: 1000 }
const nothing = { processes: 0, mebibytes: 0, busyMs: 0 }
const buildLimitMs = 30_000
const metadataAddress = '169.254.169.254'
/** So many of this machine's own addresses are tried: each that is shut takes its time. */
const triedAddresses = 2

/** Finds out by small builds what holds of builds on this engine: what is kept from them in `strict`, what they reach in `shared`. */
export async function checkBuilds(
  config: Pick<BuilderConfig, 'BUILD_ISOLATION' | 'BUILD_MODE' | 'NETWORK_POOL' | 'FIREWALL' | 'DNS_RESOLVERS'>,
  { installation, isLocal, logger, now }: BuildCheckDeps,
  signal: AbortSignal
): Promise<BuildFinding[]> {
  if (!isLocal) return uncheckedBuilds('the engine is on another machine, and what a build reaches is only seen there')
  const rooms = createBuildRooms({
    docker: {},
    installation,
    networkPool: config.NETWORK_POOL,
    firewall: config.FIREWALL,
    resolvers: resolversOf(config),
    limits,
    longestMs: 2 * buildLimitMs,
    logger,
    now
  })
  const engine = createImageEngine({ docker: {}, rooms, installation, mode: config.BUILD_MODE })
  try {
    const platform = await engine.platform(signal)
    if (platform !== `linux/${probeArchitecture}`) {
      return uncheckedBuilds(
        `the probe is a program for linux/${probeArchitecture}, this engine builds for ${platform}`
      )
    }
    const shared = await checkShared(engine, signal)
    const strict = await checkStrict(engine, config.BUILD_ISOLATION === 'strict', signal)
    await engine.removeRooms(signal)
    await engine.removeUnneeded(new Set(), Number.POSITIVE_INFINITY, signal) // what its rooms stood on
    return [
      { name: 'builds (shared)', ...shared },
      { name: 'builds (strict)', ...strict }
    ]
  } catch (err) {
    if (signal.aborted || !(err instanceof Failure)) throw err
    return [{ name: 'builds', isOk: false, detail: `could not be tried: ${err.message}` }]
  } finally {
    rooms.close()
  }
}

/** What is said of builds where none is to be tried. */
export function uncheckedBuilds(why: string): BuildFinding[] {
  return [{ name: 'builds', isOk: true, detail: `not tried: ${why}` }]
}

type Verdict = Omit<BuildFinding, 'name'>

async function checkShared(engine: ImageEngine, signal: AbortSignal): Promise<Verdict> {
  await using listener = await listen()
  const targets = [`gateway:${listener.port}`]
  const { tale, failure } = await probe(engine, { ...nothing, targets }, 'shared', signal)
  const guards = 'their limits (log, time, disk) guard this machine, not one build from another'
  if (tale.gateway === null) {
    return { isOk: false, detail: `a probe build found no network${failure === null ? '' : `: ${failure.message}`}` }
  }
  if (listener.met() > 0) {
    const detail = `a build reaches what listens on this machine (tried by ${tale.gateway}), and ${guards}`
    return { isOk: true, detail }
  }
  const why = (await isOwn(tale.gateway)) ? 'a firewall of yours keeps it' : 'it is no address of this machine'
  return { isOk: true, detail: `a probe build did not reach this machine by ${tale.gateway}: ${why}; ${guards}` }
}

async function checkStrict(engine: ImageEngine, isWanted: boolean, signal: AbortSignal): Promise<Verdict> {
  await using listener = await listen()
  const hosts = ownAddresses().filter(({ isBridge }) => !isBridge)
  const addresses = ['gateway', ...hosts.slice(0, triedAddresses).map(({ address }) => address)]
  const targets = [...addresses.map((address) => `${address}:${listener.port}`), `${metadataAddress}:80`]
  const { tale, failure } = await probe(engine, { ...beyondLimits, targets }, 'strict', signal)
  if (failure !== null && failure.code !== 'build-failed') {
    return { isOk: !isWanted, detail: isWanted ? failure.message : `not to be had on this machine: ${failure.message}` }
  }
  const broken = whatDoesNotHold(tale, failure)
  if (broken.length > 0) return { isOk: false, detail: `a probe build was not held: ${broken.join('; ')}` }
  const used = `${tale.processorMs} ms in ${beyondLimits.busyMs} ms`
  return {
    isOk: true,
    detail: `a probe build was held to its memory, its processes (${tale.processes}), its share of the processor (${used}), and reached neither this machine (${tale.gateway}) nor ${metadataAddress}; private ranges are closed by the same rules`
  }
}

/** In words, what a build that was to be held got all the same, or did not come to. */
export function whatDoesNotHold(tale: ProbeTale, failure: Failure | null): string[] {
  const { gateway, reached, processorMs, processes, memory } = tale
  // Half of what it had could be a busy machine's doing; twice its share is not.
  const mostMs = (2 * limits.cpuMillis * beyondLimits.busyMs) / 1000
  const isEnded = memory === 'tried' && failure !== null && /exit code 137/.test(failure.message)
  const ended = failure === null ? 'it ended well' : failure.message
  return [
    ...(gateway === null ? [`it had no network to try (${ended})`] : []),
    ...reached.map((address) => `it reached ${address}`),
    ...(processorMs === null ? [`its share of the processor was not tried (${ended})`] : []),
    ...(processorMs !== null && processorMs > mostMs
      ? [`of the processor it had ${processorMs} ms in ${beyondLimits.busyMs} ms`]
      : []),
    ...(processes === null ? [`how many processes it may begin was not tried (${ended})`] : []),
    ...(processes !== null && processes >= limits.pids ? [`it began ${processes} processes`] : []),
    ...(isEnded ? [] : [`its memory was not limited (${ended})`])
  ]
}

async function probe(
  engine: ImageEngine,
  wish: ProbeWish,
  isolation: BuildIsolation,
  signal: AbortSignal
): Promise<{ tale: ProbeTale; failure: Failure | null }> {
  const printed: string[] = []
  const reference = `slipway/probe-${randomUUID()}:1`
  let failure: Failure | null = null
  try {
    await engine.build(
      {
        tar: () => probeContext(wish),
        dockerfile: 'Dockerfile',
        buildArgs: {},
        reference,
        labels: {},
        noCache: true,
        timeoutMs: buildLimitMs,
        isolation,
        diskBytes: 64 * 1024 ** 2,
        onLog: ({ stream, text }) => void (stream === 'stdout' && printed.push(text))
      },
      signal
    )
    await engine.remove(reference, signal)
  } catch (err) {
    if (signal.aborted || !(err instanceof Failure)) throw err
    failure = err
  }
  return { tale: readTale(printed), failure }
}

/** Also of an interface that nobody is connected to, which Node does not list. */
async function isOwn(address: string): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(0, address)
    await once(server, 'listening')
    return true
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'EADDRNOTAVAIL') return false
    throw err
  } finally {
    server.close()
  }
}

interface Listener extends AsyncDisposable {
  port: number
  met(): number
}

/** On all addresses of this machine: it hangs up at once. */
async function listen(): Promise<Listener> {
  let met = 0
  const server = createServer((socket) => {
    met += 1
    socket.destroy()
  })
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    met: () => met,
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    }
  }
}

function ownAddresses(): { address: string; isBridge: boolean }[] {
  return Object.entries(networkInterfaces()).flatMap(([name, all = []]) =>
    all
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
      .map(({ address }) => ({ address, isBridge: /^(?:docker|br-|slw)/.test(name) }))
  )
}
