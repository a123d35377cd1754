import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort, startRedis } from '@slipway/machine'
import { createSignals, type SignalPayload } from '@slipway/queue/signals'
import { createStore } from '@slipway/store'
import { startPostgres } from '@slipway/testing'
import { ask, until } from './gateway-for-test.ts'

const main = fileURLToPath(new URL('main.ts', import.meta.url))

async function startProcess(
  t: TestContext,
  env: Record<string, string>
): Promise<{ port: number; stop(): Promise<number> }> {
  const port = await freePort()
  const child = spawn(process.execPath, [main], {
    env: { ...env, GATEWAY_PORT: String(port), LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'inherit', 'inherit']
  })
  t.after(() => child.kill('SIGKILL'))
  const isUp = () => ask(port, { host: 'localhost', path: '/healthz' }).then(({ status }) => status === 200)
  let answers = false
  while (!answers) answers = await isUp().catch(() => false)
  return {
    port,
    async stop() {
      child.kill('SIGTERM')
      const [code] = (await once(child, 'exit')) as [number]
      return code
    }
  }
}

test('a gateway waits for its database, reads routes from it, reports by Redis, and stops on SIGTERM', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'slipway-gateway-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  const redis = await startRedis({ directory: join(home, 'redis') })
  t.after(() => redis.stop())
  const prefix = `test-${randomUUID()}`
  const env = { SLIPWAY_HOME: home, REDIS_URL: redis.url, QUEUE_PREFIX: prefix }

  const signals = createSignals({ redisUrl: redis.url, prefix }, () => {})
  t.after(() => signals.close())
  const reports: SignalPayload<'gateway'>[] = []
  signals.listen('gateway', (report) => reports.push(report))

  const { port, stop } = await startProcess(t, env)
  assert.equal((await ask(port, { path: '/fn' })).status, 503)
  assert.equal((await ask(port, { host: 'localhost', path: '/readyz' })).status, 503)

  const store = await createStore({ url: null, file: join(home, 'store.sqlite') })
  t.after(() => store.close())
  await until(() => reports.length > 0)
  const version = await store.functions.routesVersion()
  assert.equal(reports.at(-1)?.routesVersion, version)
  assert.deepEqual(reports.at(-1)?.inFlight, {})
  assert.equal((await ask(port, { path: '/fn' })).status, 404)
  assert.equal((await ask(port, { host: 'localhost', path: '/readyz' })).status, 200)

  assert.equal(await stop(), 0)
})

test('a gateway that its database or its Redis refuses ends, and says why in one line', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'slipway-gateway-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  const redis = await startRedis({ directory: join(home, 'redis') })
  t.after(() => redis.stop())
  const server = await startPostgres()
  t.after(() => server.stop())
  const database = (await server.makeDatabase()).replace(/[^/]*$/, 'nothing')
  const refusal = async (env: Record<string, string>) => {
    const child = spawn(process.execPath, [main], {
      env: { SLIPWAY_HOME: home, REDIS_URL: redis.url, GATEWAY_PORT: String(await freePort()), ...env },
      stdio: ['ignore', 'ignore', 'pipe']
    })
    t.after(() => child.kill('SIGKILL'))
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => void (said += chunk))
    assert.deepEqual(await once(child, 'close'), [1, null])
    return said
  }
  const { port } = new URL(redis.url)
  assert.match(
    await refusal({ REDIS_URL: `redis://127.0.0.1:${port}/999` }),
    /^Redis refused us: check user, password and database in REDIS_URL \(ERR DB index is out of range\)\n$/
  )
  assert.equal(
    await refusal({ DATABASE_URL: database }),
    'PostgreSQL refused us: check user, password, database and rights in DATABASE_URL\n'
  )
})
