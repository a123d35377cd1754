import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import { startPostgres, type TestPostgres } from '@slipway/testing'
import { failure } from './contract/subject.ts'
import { createPostgresPool } from './postgres-pool.ts'
import { createStore } from './store.ts'

let server: TestPostgres
before(async () => {
  server = await startPostgres()
})
after(() => server.stop())

/** Expects `unavailable` in well under a second. */
async function awayWithin(milliseconds: number, work: () => Promise<unknown>): Promise<void> {
  const startedAt = performance.now()
  await assert.rejects(work(), failure('unavailable'))
  const took = performance.now() - startedAt
  assert.ok(took < milliseconds, `it took ${Math.round(took)} ms`)
}

test('with PostgreSQL away everything fails at once, and works again when it is back', async (t) => {
  const url = await server.makeDatabase()
  const store = await createStore({ url, file: '' })
  t.after(() => store.close())
  await store.settings.set('key', 'value')
  await server.halt()
  await awayWithin(900, () => store.ping())
  await awayWithin(900, () => store.settings.get('key'))
  await awayWithin(900, () => store.settings.set('key', 'other'))
  await awayWithin(900, () => store.deliveries.record([], null, 1).then(() => store.functions.routes()))
  await awayWithin(900, () => createStore({ url, file: '' }))
  await server.resume()
  assert.equal(await store.settings.get('key'), 'value')
  await store.settings.set('key', 'other')
  assert.equal(await store.settings.get('key'), 'other')
})

test('a server that accepts and says nothing is given up within a second', async (t) => {
  const sockets = new Set<Socket>()
  const silent = createServer((socket) => sockets.add(socket))
  await once(silent.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    silent.close()
  })
  const { port } = silent.address() as AddressInfo
  await awayWithin(1500, () => createStore({ url: `postgres://u:very-secret@127.0.0.1:${port}/x`, file: '' }))
})

test('a database that does not exist is a matter of configuration, told without the password', async () => {
  const url = (await server.makeDatabase()).replace(/[^/]*$/, 'nothing').replace('postgres@', 'postgres:very-secret@')
  await assert.rejects(createStore({ url, file: '' }), (err) => {
    assert.ok(failure('invalid-configuration', /DATABASE_URL/)(err))
    return err instanceof Error && !err.message.includes('very-secret')
  })
})

/** What the server asks of who comes; as it was before when the test ends. */
async function askForPasswords(t: TestContext, url: string): Promise<void> {
  const pool = await createPostgresPool(url, { maxConnections: 1, statementTimeoutMs: 3000 })
  const { rows } = await pool.query<{ file: string }>(`select current_setting('hba_file') as file`)
  const file = rows[0]?.file ?? ''
  const before = await readFile(file, 'utf8')
  const reload = async (text: string) => {
    await writeFile(file, text)
    await pool.query('select pg_reload_conf()')
  }
  t.after(async () => {
    await reload(before)
    await pool.end()
  })
  await pool.query(`create role guarded login password 'right'`)
  await reload(`host all guarded 127.0.0.1/32 scram-sha-256\n${before}`)
}

test('a wrong password, none at all, and TLS that the server does not speak are told at once as what they are', async (t) => {
  const url = await server.makeDatabase()
  await askForPasswords(t, url)
  const as = (who: string) => createStore({ url: url.replace('postgres@', who), file: '' })
  await assert.rejects(as('guarded:very-secret@'), (err) => {
    assert.ok(failure('invalid-configuration', /refused us: check user, password/)(err))
    return err instanceof Error && !err.message.includes('very-secret')
  })
  await assert.rejects(as('guarded@'), failure('invalid-configuration', /refused us: check user, password/))
  const withTls = createStore({ url: `${url}?sslmode=require`, file: '' })
  await assert.rejects(withTls, failure('invalid-configuration', /TLS to PostgreSQL: check sslmode/))
  const withFile = createStore({ url: `${url}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem`, file: '' })
  await assert.rejects(withFile, failure('invalid-configuration', /a file that DATABASE_URL names is not there/))
  await assert.rejects(as('u:very-[secret@h:'), failure('invalid-configuration', /DATABASE_URL is no address/))
})
