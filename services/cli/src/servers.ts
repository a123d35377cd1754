import { join } from 'node:path'
import { keptPorts, type MachineLogger, type RunningServer, startRedis, startRegistry } from '@slipway/machine'

export type Ports = Record<'gateway' | 'receiver' | 'api' | 'redis' | 'registry', number>

/** Chosen once and kept: addresses are given out, and names of images contain the registry's. */
export function portsOf(home: string): Promise<Ports> {
  return keptPorts(join(home, 'ports.json'), { gateway: 8080, receiver: 8081, api: 8082, redis: 6390, registry: 5000 })
}

export interface Servers {
  redisUrl: string
  registry: string
  stop(): Promise<void>
}

/** Redis and the registry: what is configured, else one of our own, which ends with this process. */
export async function startServers(
  home: string,
  ports: Ports,
  configured: { redisUrl: string | undefined; registry: string | undefined },
  logger: MachineLogger
): Promise<Servers> {
  const running: RunningServer[] = []
  const stop = async () => {
    await Promise.all(running.map((server) => server.stop()))
  }
  try {
    const [redisUrl, registry] = await Promise.all([
      configured.redisUrl ??
        startRedis({ directory: join(home, 'redis'), port: ports.redis, logger }).then((redis) => {
          running.push(redis)
          return redis.url
        }),
      configured.registry ??
        startRegistry({ directory: join(home, 'registry'), port: ports.registry, logger }).then((one) => {
          running.push(one)
          return one.host
        })
    ])
    return { redisUrl, registry, stop }
  } catch (err) {
    await stop()
    throw err
  }
}
