import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Failure } from '@slipway/domain'
import { command } from './redis.fixture.ts'
import { startRedis } from './redis.ts'
import { waitFor } from './wait.ts'

test('a Redis answers on the loopback interface, writes everything down and never evicts', async (t) => {
  const redis = await startRedis({ directory: await directoryFor(t) })
  t.after(() => redis.stop())
  assert.equal(redis.url, `redis://127.0.0.1:${redis.port}`)
  assert.match(await command(redis.port, 'CONFIG GET appendfsync'), /always/)
  assert.match(await command(redis.port, 'CONFIG GET maxmemory-policy'), /noeviction/)
  assert.match(await command(redis.port, 'CONFIG GET bind'), /127\.0\.0\.1/)
})

test('what was written is there after a stop and a start', async (t) => {
  const directory = await directoryFor(t)
  const first = await startRedis({ directory })
  t.after(() => first.stop())
  await command(first.port, 'SET kept yes')
  await first.stop()
  await first.stop() // a second time does nothing
  const second = await startRedis({ directory, port: first.port })
  t.after(() => second.stop())
  assert.match(await command(second.port, 'GET kept'), /yes/)
})

test('what was written is there after a kill', async (t) => {
  const directory = await directoryFor(t)
  const first = await startRedis({ directory })
  await command(first.port, 'SET kept yes')
  process.kill(first.pid, 'SIGKILL')
  assert.deepEqual(await first.exited, { code: null, signal: 'SIGKILL' })
  const second = await startRedis({ directory })
  t.after(() => second.stop())
  assert.match(await command(second.port, 'GET kept'), /yes/)
})

test('a port that another program has is refused by its number', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.after(() => other.close())
  await new Promise((resolve) => other.once('listening', resolve))
  const address = other.address()
  assert.ok(typeof address === 'object' && address !== null)
  await assert.rejects(
    startRedis({ directory: await directoryFor(t), port: address.port }),
    (err) => err instanceof Failure && err.code === 'invalid-configuration' && err.message.includes(`${address.port}`)
  )
})

test('a machine without Redis is told what to install', async (t) => {
  await assert.rejects(
    startRedis({ directory: await directoryFor(t), programs: { directories: [] }, image: 'missing' }),
    (err) => err instanceof Failure && err.message.includes('apt-get install redis-server')
  )
})

test('a data file that Redis refuses is told with the end of its log', async (t) => {
  const directory = await directoryFor(t)
  const first = await startRedis({ directory })
  await first.stop()
  await writeFile(join(directory, 'appendonlydir', 'appendonly.aof.manifest'), 'nonsense\n')
  await assert.rejects(
    startRedis({ directory }),
    (err) => err instanceof Failure && err.code === 'unavailable' && /redis\.log:\n.*AOF/s.test(err.message)
  )
})

test('a Redis ends when the process that started it is killed', async (t) => {
  const directory = await directoryFor(t)
  const script = `
    import { startRedis } from ${JSON.stringify(import.meta.resolve('./redis.ts'))}
    const redis = await startRedis({ directory: ${JSON.stringify(directory)} })
    console.log(redis.port)
  `
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.after(() => parent.kill('SIGKILL'))
  const port = await new Promise<number>((resolve) =>
    parent.stdout.once('data', (text: Buffer) => resolve(Number(text.toString())))
  )
  assert.match(await command(port, 'PING'), /PONG/)
  parent.kill('SIGKILL')
  await waitFor(() => isRefused(port), { timeoutMs: 20_000, what: 'Redis to end' })
})

async function directoryFor(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-redis-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('error', () => resolve(true))
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
  })
}
