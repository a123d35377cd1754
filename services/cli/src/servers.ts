import { join } from 'node:path'
import { collectLayers, keepRunning, keptPorts, type MachineLogger, startRedis, startRegistry } from '@slipway/machine'
import { createRegistryGate, type RegistryGate } from './registry-gate.ts'

export type Ports = Record<'gateway' | 'receiver' | 'api' | 'redis' | 'registry', number>

/** Chosen once and kept: addresses are given out, and names of images contain the registry's. */
export function portsOf(home: string): Promise<Ports> {
  return keptPorts(join(home, 'ports.json'), { gateway: 8080, receiver: 8081, api: 8082, redis: 6390, registry: 5000 })
}

/** Where the registry that `up` starts keeps its images. */
export function registryOptions(home: string, ports: Pick<Ports, 'registry'>) {
  return { directory: join(home, 'registry'), port: ports.registry }
}

export interface Servers {
  redisUrl: string
  registry: string
  /** Of the registry that was started here; null where one is configured. */
  ownRegistry: OwnRegistry | null
  stop(): Promise<void>
}

export interface OwnRegistry {
  /** Around all that it is asked: it is away while its layers are collected. */
  use: RegistryGate['use']
  /** Frees what removed images left, while nobody uses it. Returns the bytes. */
  collectLayers(signal: AbortSignal): Promise<number>
}

/** Redis and the registry: what is configured, else one of our own, which is started again when it ends, and ends with this process. */
export async function startServers(
  home: string,
  ports: Ports,
  configured: { redisUrl: string | undefined; registry: string | undefined },
  logger: MachineLogger
): Promise<Servers> {
  await using running = new AsyncDisposableStack()

  async function ownRedis(): Promise<string> {
    const options = { directory: join(home, 'redis'), port: ports.redis, logger }
    const redis = await keepRunning({ name: 'Redis', start: () => startRedis(options), logger })
    running.defer(() => redis.stop())
    return `redis://127.0.0.1:${ports.redis}`
  }

  async function startOwnRegistry(): Promise<OwnRegistry> {
    const options = { ...registryOptions(home, ports), logger }
    const registry = await keepRunning({ name: 'registry', start: () => startRegistry(options), logger })
    running.defer(() => registry.stop())
    const gate = createRegistryGate()
    return {
      use: gate.use,
      collectLayers: (signal) => gate.alone(() => registry.interrupt(() => collectLayers(options, signal)), signal)
    }
  }

  const [redis, registry] = await Promise.allSettled([
    configured.redisUrl ?? ownRedis(),
    configured.registry === undefined ? startOwnRegistry() : null
  ])
  if (redis.status === 'rejected') throw redis.reason
  if (registry.status === 'rejected') throw registry.reason
  const started = running.move()
  return {
    redisUrl: redis.value,
    registry: configured.registry ?? `127.0.0.1:${ports.registry}`,
    ownRegistry: registry.value,
    stop: () => started.disposeAsync()
  }
}
