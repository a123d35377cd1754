import { Failure } from '@slipway/domain/failure'
import { Redis } from 'ioredis'
import { failFast, type QueueConfig } from './connection.ts'

/** What Redis answers to whom it will not have: no or a wrong password, no rights, no such database, not from another machine. */
const refusals = /^(WRONGPASS|NOAUTH|NOPERM|DENIED|ERR (DB index|invalid DB|AUTH|Client sent AUTH|invalid password))/i
/**
 * Asks Redis once whether it takes us. One that is away is no matter: everything here connects when it is there.
 *
 * @throws Failure `invalid-configuration` where it refuses us, which does not go away by waiting
 */
export async function assertRedisTakesUs({ redisUrl }: QueueConfig): Promise<void> {
  const redis = new Redis(redisUrl, { ...failFast, lazyConnect: true, retryStrategy: () => null })
  const said: unknown[] = []
  redis.on('error', (err) => said.push(err))
  try {
    await redis.connect()
    await redis.ping()
  } catch (err) {
    said.push(err)
  } finally {
    redis.disconnect()
  }
  const refusal = said.find(isRefusal)
  if (refusal === undefined) return
  const message = `Redis refused us: check user, password and database in REDIS_URL (${refusal.message})`
  throw new Failure('invalid-configuration', message, { cause: refusal })
}

function isRefusal(err: unknown): err is Error {
  return err instanceof Error && refusals.test(err.message)
}
