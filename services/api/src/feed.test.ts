import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pushOf, seedPush } from '@slipway/testing'
import { commits, createApiForTest, token } from './api.fixture.ts'

interface Told {
  id: string
  event: string
  data: { kind?: string; buildId?: string; owner?: string; status?: string; function?: string }
}

/** Reads the stream until it has told what is wanted; the stream goes on. */
async function follow(t: TestContext, url: string, headers: Record<string, string> = {}) {
  const stop = new AbortController()
  t.after(() => stop.abort())
  const response = await fetch(`${url}/api/v1/events`, {
    headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream', ...headers },
    signal: stop.signal
  })
  assert.equal(response.status, 200)
  assert.ok(response.body !== null)
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  return {
    stop: () => stop.abort(),
    async until(isWanted: (told: Told) => boolean): Promise<Told[]> {
      const all: Told[] = []
      for (;;) {
        const end = rest.indexOf('\n\n')
        if (end === -1) {
          const { value, done } = await reader.read()
          assert.ok(!done, 'the stream ended')
          rest += value
          continue
        }
        const frame = rest.slice(0, end)
        rest = rest.slice(end + 2)
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(frame)?.[1]
        const data = field('data')
        if (data === undefined) continue
        const told = { id: field('id') ?? '', event: field('event') ?? 'message', data: JSON.parse(data) }
        all.push(told)
        if (isWanted(told)) return all
      }
    }
  }
}

test('a push is told to who watches, with its delivery, and what becomes of its build', async (t) => {
  const { store, signals, url, api } = await createApiForTest(t)
  const stream = await follow(t, url)
  assert.equal((await stream.until(() => true))[0]?.event, 'reset')
  const buildId = await seedPush(store, pushOf(commits.a), Date.now())
  signals.send('builds', {})
  const told = await stream.until(({ data }) => data.kind === 'build')
  assert.deepEqual(
    told.map(({ data: { kind, owner, status } }) => [kind, owner, status]),
    [
      ['delivery', 'alice', 'queued'],
      ['build', 'alice', 'queued']
    ]
  )
  await api.cancelBuild({ id: buildId })
  const [cancelled] = await stream.until(({ data }) => data.kind === 'build')
  assert.deepEqual([cancelled?.data.buildId, cancelled?.data.status], [buildId, 'cancelled'])
})

test('what no signal told of is found by looking', async (t) => {
  const { store, url } = await createApiForTest(t)
  const stream = await follow(t, url)
  await stream.until(({ event }) => event === 'reset')
  await seedPush(store, pushOf(commits.a), Date.now())
  await stream.until(({ data }) => data.kind === 'build')
})

test('who comes back with the last event that it saw gets those that it missed, each once', async (t) => {
  const { store, signals, url } = await createApiForTest(t)
  const stream = await follow(t, url)
  await stream.until(({ event }) => event === 'reset')
  await seedPush(store, pushOf(commits.a), Date.now())
  signals.send('builds', {})
  const [seen] = await stream.until(({ data }) => data.kind === 'delivery')
  stream.stop()
  const second = await seedPush(store, pushOf(commits.b), Date.now())
  signals.send('builds', {})
  const again = await follow(t, url, { 'last-event-id': seen?.id ?? '' })
  const missed = await again.until(({ data }) => data.kind === 'build' && data.buildId === second)
  assert.ok(missed.every(({ event }) => event === 'message'))
  assert.equal(new Set(missed.map(({ id }) => id)).size, missed.length)
  assert.ok(missed.some(({ data }) => data.kind === 'build' && data.status === 'queued'))
})

test('who comes back with an event of another run is told to look at everything', async (t) => {
  const { url } = await createApiForTest(t)
  for (const id of ['deadbeef-7', 'nonsense', '-1', '1'.repeat(200)]) {
    const stream = await follow(t, url, { 'last-event-id': id })
    assert.equal((await stream.until(() => true))[0]?.event, 'reset')
    stream.stop()
  }
})

test('the stream is for those alone who may see it', async (t) => {
  const { app } = await createApiForTest(t)
  assert.equal((await app.inject('/api/v1/events')).statusCode, 401)
})
