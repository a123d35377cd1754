import { join, resolve } from 'node:path'
import Type from 'typebox'

/** What every service needs to know. Part of each service's own schema. */
export const commonSettings = {
  /** Where this installation keeps its files. */
  SLIPWAY_HOME: Type.String({ default: '.slipway' }),
  LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], { default: 'info' }),
  /** PostgreSQL; without it the store is a SQLite file under SLIPWAY_HOME. */
  DATABASE_URL: Type.Optional(Type.String({ pattern: '^postgres(ql)?://' })),
  REDIS_URL: Type.String({ default: 'redis://127.0.0.1:6379', pattern: '^rediss?://' }),
  /** Separates installations that share a Redis. */
  QUEUE_PREFIX: Type.String({ default: 'slipway', pattern: '^[A-Za-z0-9_-]+$' })
}

/** The paths below SLIPWAY_HOME that more than one service uses. */
export function homePaths(home: string) {
  const root = resolve(home)
  return {
    root,
    store: join(root, 'store.sqlite'),
    mirrors: join(root, 'mirrors'),
    checkouts: join(root, 'checkouts'),
    templates: join(root, 'templates'),
    /** `deployer`'s internal API. Short, for a socket's path may have 107 characters only. */
    socket: join(root, 'deployer.sock')
  }
}

export function storeConfig(settings: { DATABASE_URL?: string; SLIPWAY_HOME: string }): {
  url: string | null
  file: string
} {
  return { url: settings.DATABASE_URL ?? null, file: homePaths(settings.SLIPWAY_HOME).store }
}

export function queueConfig(settings: { REDIS_URL: string; QUEUE_PREFIX: string }): {
  redisUrl: string
  prefix: string
} {
  return { redisUrl: settings.REDIS_URL, prefix: settings.QUEUE_PREFIX }
}
