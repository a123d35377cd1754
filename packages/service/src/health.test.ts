import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { startHealth } from './health.ts'

const logger = pino({ level: 'silent' })

test('a service that nobody calls says how it is, what it lacks and its figures', async (t) => {
  let isThere = true
  let queued = 3
  const needs = { store: () => (isThere ? Promise.resolve() : Promise.reject(new Error('away'))) }
  const figure = { name: 'builds', help: 'Builds', label: 'status', read: () => Promise.resolve({ queued }) }
  const health = await startHealth({ HEALTH_HOST: '127.0.0.1', HEALTH_PORT: 0 }, { logger, needs, figures: [figure] })
  t.after(() => health?.close())
  const get = (path: string) => fetch(`${health?.url}${path}`, { headers: { connection: 'close' } })

  assert.equal((await get('/readyz')).status, 200)
  assert.match(await (await get('/metrics')).text(), /^builds\{status="queued"\} 3$/m)
  queued = 0
  assert.match(await (await get('/metrics')).text(), /^builds\{status="queued"\} 0$/m)
  isThere = false
  assert.equal((await get('/healthz')).status, 200)
  const answer = await get('/readyz')
  assert.deepEqual([answer.status, await answer.json()], [503, { status: 'unavailable', missing: ['store'] }])
})

test('without a port it listens nowhere', async () => {
  assert.equal(await startHealth({ HEALTH_HOST: '127.0.0.1' }, { logger }), null)
})
