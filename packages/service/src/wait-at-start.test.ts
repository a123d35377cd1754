import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import { pino } from 'pino'
import { untilThere, type WaitOptions } from './wait-at-start.ts'

const refused = () => Promise.reject(new Failure('unavailable', 'away', { cause: new Error('connect ECONNREFUSED') }))
const host = '127.0.0.1'

/** A port that nobody has now. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

function createWait(given: Partial<WaitOptions> = {}) {
  const lines: { level: number; msg: string; reason?: string }[] = []
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const config = { DATABASE_URL: 'postgres://h/x', DATABASE_WAIT_MS: 60_000 }
  const options: WaitOptions = { config, at: null, logger, stop: new AbortController().signal, ...given }
  return { lines, config, options }
}

test('while the database is away a service is alive, not ready, and takes no work; when it is there it starts', async () => {
  const at = { host, port: await freePort(), setting: 'RECEIVER_PORT' }
  const { lines, options } = createWait({ at })
  let isThere = false
  const opening = untilThere('store', () => (isThere ? Promise.resolve('store') : refused()), options)
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`http://${host}:${at.port}${path}`, { ...init, headers: { connection: 'close' } })
  while (
    !(await ask('/healthz').then(
      ({ ok }) => ok,
      () => false
    ))
  )
    await sleep(10)

  const ready = await ask('/readyz')
  assert.deepEqual([ready.status, await ready.json()], [503, { status: 'unavailable', missing: ['store'] }])
  const delivery = await ask('/webhooks/github', { method: 'POST', body: 'x'.repeat(2 * 1024 * 1024) })
  assert.deepEqual([delivery.status, delivery.headers.get('retry-after')], [503, '2'])
  assert.equal(((await delivery.json()) as { code: string }).code, 'unavailable')

  isThere = true
  assert.equal(await opening, 'store')
  await assert.rejects(ask('/healthz'), 'the port is free for the service itself')
  const told = lines.filter(({ msg }) => msg === 'the database does not answer: waiting for it')
  assert.deepEqual(
    told.map(({ level, reason }) => [level, reason]),
    [[40, 'connect ECONNREFUSED']]
  )
  assert.ok(lines.some(({ msg }) => msg === 'it is there: starting'))
})

test('what is there is opened at once, and nothing is told', async () => {
  const { lines, options } = createWait()
  assert.equal(await untilThere('store', () => Promise.resolve(7), options), 7)
  assert.deepEqual(lines, [])
})

test('what will not go away ends the wait with the reason of the server: at once, and after a while', async () => {
  const cause = new Error('password authentication failed for user "slipway"')
  const refusal = new Failure('invalid-configuration', 'PostgreSQL refused us', { cause })
  const expected = { code: 'invalid-configuration', message: `PostgreSQL refused us (${cause.message})` }
  const { options } = createWait()
  await assert.rejects(
    untilThere('store', () => Promise.reject(refusal), options),
    expected
  )
  let asked = 0
  const later = () => (++asked < 3 ? refused() : Promise.reject(refusal))
  await assert.rejects(untilThere('store', later, options), expected)
  assert.equal(asked, 3)
})

test('what stays away is given up when the time is over, with the reason', async () => {
  const { options } = createWait()
  const config = { ...options.config, DATABASE_WAIT_MS: 500 }
  const startedAt = performance.now()
  await assert.rejects(untilThere('store', refused, { ...options, config }), {
    code: 'unavailable',
    message: 'the database does not answer, and 0.5 s of waiting did not change that (connect ECONNREFUSED)'
  })
  assert.ok(performance.now() - startedAt < 2000)
})

test('it is asked less and less often', async () => {
  const { options } = createWait()
  const config = { ...options.config, DATABASE_WAIT_MS: 3000 }
  let asked = 0
  const away = () => {
    asked++
    return refused()
  }
  await assert.rejects(untilThere('store', away, { ...options, config }))
  // After 0, 0.1, 0.3, 0.7 and 1.5 s.
  assert.ok(asked >= 3 && asked <= 5, `${asked} times`)
})

test('a stop ends the wait at once, between two tries and in the middle of one', async () => {
  for (const open of [refused, () => new Promise<never>(() => {})]) {
    const stop = new AbortController()
    const { options } = createWait({ stop: stop.signal })
    const opening = untilThere('store', open, options)
    setTimeout(() => stop.abort(new Error('the process is to end')), 150)
    const startedAt = performance.now()
    await assert.rejects(opening)
    assert.ok(performance.now() - startedAt < 1500)
  }
})

test('a database file that cannot be opened is not waited for, the deployer is', async () => {
  const { options } = createWait()
  const config = { DATABASE_WAIT_MS: 60_000 }
  let asked = 0
  const later = () => (++asked < 2 ? refused() : Promise.resolve(asked))
  await assert.rejects(untilThere('store', later, { ...options, config }), { code: 'unavailable' })
  assert.equal(asked, 1)
  asked = 0
  assert.equal(await untilThere('deployer', later, { ...options, config }), 2)
})

test('a port that somebody else has is told at once', async (t) => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const { options } = createWait({ at: { host, port, setting: 'API_PORT' } })
  await assert.rejects(untilThere('store', refused, options), { code: 'invalid-configuration', message: /API_PORT/ })
})
