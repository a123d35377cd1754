import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startPostgres, type TestPostgres } from '@slipway/testing'
import { checkOpenRoutes } from './contract/open-routes.ts'
import { failure } from './contract/subject.ts'
import { openRoutes } from './open-routes.ts'

let server: TestPostgres
before(async () => {
  server = await startPostgres()
})
after(() => server.stop())

test('postgres: a gateway reads the routes of the store, once there is one', async (t) => {
  await checkOpenRoutes(t, { url: await server.makeDatabase(), file: '' })
})

test('postgres: a database that is away is said to be', async () => {
  const url = 'postgres://nobody@127.0.0.1:1/none'
  await assert.rejects(openRoutes({ url, file: '' }), failure('unavailable', /does not answer/))
})
