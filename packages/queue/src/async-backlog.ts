import { Failure } from '@slipway/domain/failure'
import { connect, failFast, type QueueConfig } from './connection.ts'

/*
 * Which functions have calls that wait. Apart from the calls themselves, whose library is loaded by who has any: asking this is cheap.
 */

export interface AsyncBacklog {
  /** `<owner's id>/<function>`. @throws Failure `unavailable` */
  functions(): Promise<string[]>
  /** From now on somebody looks after the function's calls. @throws Failure `unavailable` at once when Redis is away. */
  add(functionKey: string): Promise<void>
  remove(functionKey: string): Promise<void>
  close(): void
}

export function createAsyncBacklog(config: QueueConfig, onError: (err: Error) => void): AsyncBacklog {
  const redis = connect(config, failFast, onError)
  const key = `${config.prefix}:async-functions`

  async function ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      if (redis.status !== 'ready') throw new Error(`the connection is ${redis.status}`)
      return await question()
    } catch (err) {
      throw new Failure('unavailable', 'Redis does not answer: try again soon', { cause: err, retryAfterMs: 1000 })
    }
  }

  return {
    functions: () => ask(() => redis.smembers(key)),
    add: async (functionKey) => void (await ask(() => redis.sadd(key, functionKey))),
    remove: async (functionKey) => void (await ask(() => redis.srem(key, functionKey))),
    close: () => redis.disconnect()
  }
}
