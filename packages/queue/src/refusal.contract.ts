import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { freePort, type RunningRedis, startRedis } from '@slipway/machine'
import { Redis } from 'ioredis'
import { assertRedisTakesUs } from './refusal.ts'

let directory: string
let redis: RunningRedis

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-refusal-'))
  redis = await startRedis({ directory })
})
after(async () => {
  await redis.stop()
  await rm(directory, { recursive: true, force: true })
})

const ask = (redisUrl: string) => assertRedisTakesUs({ redisUrl, prefix: 'test' })
const refused = (why: RegExp) => (err: unknown) =>
  err instanceof Error &&
  'code' in err &&
  err.code === 'invalid-configuration' &&
  err.message.startsWith('Redis refused us: check user, password and database in REDIS_URL (') &&
  why.test(err.message) &&
  !err.message.includes('very-secret')

test('a Redis that answers takes us, and one that is away is no matter', async () => {
  await ask(redis.url)
  const startedAt = performance.now()
  await ask(`redis://127.0.0.1:${await freePort()}`)
  assert.ok(performance.now() - startedAt < 1000)
})

test('no password, a wrong one and a database that is not there are told as what they are', async (t) => {
  const admin = new Redis(redis.url)
  await admin.config('SET', 'requirepass', 'right')
  t.after(async () => {
    await admin.config('SET', 'requirepass', '')
    admin.disconnect()
  })
  const { port } = new URL(redis.url)
  await assert.rejects(ask(`redis://127.0.0.1:${port}`), refused(/NOAUTH/))
  await assert.rejects(ask(`redis://:very-secret@127.0.0.1:${port}`), refused(/WRONGPASS/))
  await assert.rejects(ask(`redis://nobody:very-secret@127.0.0.1:${port}`), refused(/WRONGPASS/))
  await assert.rejects(ask(`redis://:right@127.0.0.1:${port}/999`), refused(/DB index/))
  await ask(`redis://:right@127.0.0.1:${port}`)
})
