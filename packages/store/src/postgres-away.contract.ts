import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { startPostgres, type TestPostgres } from '@slipway/testing'
import { failure } from './contract/subject.ts'
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
