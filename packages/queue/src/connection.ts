import { Redis, type RedisOptions } from 'ioredis'

export interface QueueConfig {
  /** `redis://host:port/db`, `rediss://` for TLS. */
  redisUrl: string
  /** Separates installations and tests that share a Redis. */
  prefix: string
}

/** For callers who want an answer: with Redis away a command fails at once instead of hanging. */
export const failFast: RedisOptions = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  connectTimeout: 2000,
  retryStrategy: (times) => Math.min(100 * times, 2000)
}

/** For workers and subscribers: waits for Redis as long as it takes. */
export const patient: RedisOptions = {
  maxRetriesPerRequest: null,
  connectTimeout: 2000,
  retryStrategy: (times) => Math.min(100 * times, 2000)
}

/**
 * Begins to connect, and goes on until it is. Not one that waits to be told to (`lazyConnect`): BullMQ makes a worker's second connection
 * like the first, tells it to once, and gives it up for ever when Redis is away at that moment.
 */
export function connect(config: QueueConfig, options: RedisOptions, onError: (err: Error) => void): Redis {
  const redis = new Redis(config.redisUrl, options)
  redis.on('error', onError)
  return redis
}
