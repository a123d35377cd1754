import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { noTraffic, type TrafficBatch } from '@slipway/domain'
import { type RunningRedis, startRedis, waitFor } from '@slipway/machine'
import { Redis } from 'ioredis'
import { createTrafficReader, createTrafficSender } from './index.ts'

let directory: string
let redis: RunningRedis
let count = 0

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-traffic-'))
  redis = await startRedis({ directory })
})
after(async () => {
  await redis.stop()
  await rm(directory, { recursive: true, force: true })
})

const quiet = () => {}

async function open(t: TestContext) {
  const config = { redisUrl: redis.url, prefix: `test-${++count}` }
  const [sender, reader] = [createTrafficSender(config, quiet), createTrafficReader(config, quiet)]
  t.after(() => Promise.all([sender.close(), reader.close()]))
  await waitFor(() => reader.read(1).then(Boolean, () => false), { timeoutMs: 20_000 })
  await waitFor(
    () =>
      sender.send(batch(0)).then(
        () => true,
        () => false
      ),
    { timeoutMs: 20_000 }
  )
  await reader.remove((await reader.read(10)).map(({ id }) => id))
  return { config, sender, reader }
}

function batch(number: number): TrafficBatch {
  const part = {
    ownerId: 'o',
    functionName: 'hello',
    at: 60_000,
    ...noTraffic(),
    calls: number,
    codes: { 200: number }
  }
  return { sender: 'g', number, parts: [part] }
}

test('what was sent is read in order, again and again, until it is removed', async (t) => {
  const { sender, reader } = await open(t)
  for (const number of [1, 2, 3]) await sender.send(batch(number))
  const read = await reader.read(2)
  assert.deepEqual(
    read.map((entry) => entry.batch),
    [batch(1), batch(2)]
  )
  assert.deepEqual(await reader.read(2), read)
  await reader.remove(read.map(({ id }) => id))
  assert.deepEqual(
    (await reader.read(9)).map((entry) => entry.batch?.number),
    [3]
  )
  await reader.remove([])
})

test('what is no batch is told as none, so that it can be removed', async (t) => {
  const { config, reader } = await open(t)
  const stranger = new Redis(redis.url)
  t.after(() => stranger.disconnect())
  const broken = { ...batch(1), parts: [{ ...batch(1).parts[0], calls: -1 }] }
  for (const text of ['{', 'null', '{"sender":"g"}', JSON.stringify(broken)]) {
    await stranger.xadd(`${config.prefix}:traffic`, '*', 'batch', text)
  }
  assert.deepEqual(
    (await reader.read(9)).map((entry) => entry.batch),
    [null, null, null, null]
  )
})

test('with Redis away both sides say so at once', async (t) => {
  const away = { redisUrl: 'redis://127.0.0.1:1', prefix: 'x' }
  const [sender, reader] = [createTrafficSender(away, quiet), createTrafficReader(away, quiet)]
  t.after(() => Promise.all([sender.close(), reader.close()]))
  const begin = Date.now()
  await assert.rejects(sender.send(batch(1)), { code: 'unavailable' })
  await assert.rejects(reader.read(1), { code: 'unavailable' })
  await assert.rejects(reader.remove(['1-1']), { code: 'unavailable' })
  assert.ok(Date.now() - begin < 1000)
})
