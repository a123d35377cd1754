import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort, waitFor } from '@slipway/machine'
import { startPostgres, type TestPostgres } from '@slipway/testing'

let server: TestPostgres
before(async () => {
  server = await startPostgres()
})
after(() => server.stop())

/** The service as a process of its own, before a database; nobody listens where its Redis would be. */
async function startProcess(t: TestContext, env: Record<string, string>) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = spawn(process.execPath, [fileURLToPath(new URL('main.ts', import.meta.url))], {
    env: { REDIS_URL: 'redis://127.0.0.1:1', RECEIVER_PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => void (said += chunk))
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const answers = (path: string, status: number) =>
    waitFor(
      () =>
        fetch(`${url}${path}`, { headers: { connection: 'close' } }).then(
          (answer) => answer.status === status,
          () => false
        ),
      { timeoutMs: 20_000, what: `${path} to answer ${status}` }
    )
  return { child, ended, answers, said: () => said }
}

test('a service that is started before its database is alive, waits for it, and then serves', async (t) => {
  const url = await server.makeDatabase()
  await server.halt()
  const service = await startProcess(t, { DATABASE_URL: url })
  await service.answers('/healthz', 200)
  await service.answers('/readyz', 503)
  assert.match(service.said(), /the database does not answer: waiting for it/)
  assert.match(service.said(), /ECONNREFUSED/)
  await server.resume()
  await service.answers('/readyz', 200)
  service.child.kill('SIGTERM')
  assert.deepEqual(await service.ended, [0, null])
})

test('a service that waits for its database ends at once when it is told to', async (t) => {
  const url = await server.makeDatabase()
  await server.halt()
  t.after(() => server.resume())
  const service = await startProcess(t, { DATABASE_URL: url })
  await service.answers('/healthz', 200)
  const askedAt = performance.now()
  service.child.kill('SIGTERM')
  assert.deepEqual(await service.ended, [0, null])
  assert.ok(performance.now() - askedAt < 2000)
})

test('a service whose database refuses it ends, and says why in one line', async (t) => {
  const url = (await server.makeDatabase()).replace(/[^/]*$/, 'nothing').replace('postgres@', 'postgres:very-secret@')
  const service = await startProcess(t, { DATABASE_URL: url })
  assert.deepEqual(await service.ended, [1, null])
  assert.equal(
    service.said(),
    'PostgreSQL refused us: check user, password, database and rights in DATABASE_URL (database "nothing" does not exist)\n'
  )
})

test('a service that waited for as long as it may ends, and says what for', async (t) => {
  const url = await server.makeDatabase()
  await server.halt()
  t.after(() => server.resume())
  const service = await startProcess(t, { DATABASE_URL: url, DATABASE_WAIT_MS: '1000', LOG_LEVEL: 'error' })
  assert.deepEqual(await service.ended, [1, null])
  assert.match(
    service.said(),
    /^the database does not answer, and 1 s of waiting did not change that \(connect ECONNREFUSED .*\)\n$/
  )
})
