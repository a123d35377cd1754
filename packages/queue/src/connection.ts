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

export function connect(config: QueueConfig, options: RedisOptions, onError: (err: Error) => void): Redis {
  const redis = new Redis(config.redisUrl, { ...options, lazyConnect: true })
  redis.on('error', onError)
  // The first attempt's failure also comes as an 'error' event, and is retried by the strategy.
  redis.connect().catch(onError)
  return redis
}
