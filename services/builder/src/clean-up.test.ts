import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import type { SignalName, SignalPayload } from '@slipway/queue'
import { createLogger } from '@slipway/service'
import { createCleanUp } from './clean-up.ts'

const signal = new AbortController().signal
const hour = 3600_000

function cleanUpForTest(
  t: TestContext,
  { cacheBytes = null as number | null, periodMs = hour, isEngineAway = false } = {}
) {
  const calls: string[] = []
  const sent: { builder: string; report: string }[] = []
  let hear: (payload: { runId: string }) => void = () => {}
  const engineCall = async (name: string, count: number) => {
    calls.push(name)
    await sleep(5)
    if (isEngineAway) throw new Failure('unavailable', 'no Docker engine answers')
    return count
  }
  const cleanUp = createCleanUp({
    retention: {
      neededImages: async (keepLast) => new Set([`needed with ${keepLast} rollbacks`]),
      neededUploads: async (keepLast) => new Set([`the last ${keepLast}`])
    },
    uploads: {
      sweep: async (needed) => {
        calls.push(`uploads ${[...needed].join()}`)
        return { count: 0, bytes: 0 }
      }
    },
    keepUploads: 4,
    mirrors: {
      sweep: async () => {
        calls.push('sweep')
        return { count: 1, bytes: 100 }
      }
    },
    engine: {
      removeRooms: () => Promise.resolve(0),
      removeUnnamed: () => engineCall('unnamed', 0),
      removeUnneeded: (needed, namedBefore) => engineCall(`unneeded ${[...needed].join()} ${namedBefore}`, 2),
      pruneCache: async (keep) => ({ count: await engineCall(`prune ${keep}`, 1), bytes: 7 })
    },
    keepRollbacks: 3,
    cacheBytes,
    signals: {
      send: (_name, payload) => sent.push(payload as SignalPayload<'cleaned'>),
      listen: <N extends SignalName>(_name: N, listener: (payload: SignalPayload<N>) => void) => {
        hear = listener as typeof hear
        return () => {}
      }
    },
    holder: 'builder-1',
    periodMs,
    now: () => 10 * hour,
    logger: createLogger('test', 'silent')
  })
  t.after(() => cleanUp.close())
  return { cleanUp, calls, sent, hear: () => hear({ runId: 'r' }) }
}

test('what is needed is asked for at each run, and the build cache of others is left alone', async (t) => {
  const { cleanUp, calls } = cleanUpForTest(t)
  assert.deepEqual(await cleanUp.run(signal), {
    removed: [
      { what: 'mirrors and checkouts', count: 1, bytes: 100 },
      { what: 'images of the engine', count: 2, bytes: null }
    ],
    problems: []
  })
  assert.ok(calls.includes(`unneeded needed with 3 rollbacks ${9 * hour}`))
  assert.ok(!calls.some((call) => call.startsWith('prune')))
})

test('where it is allowed the build cache is cut', async (t) => {
  const { cleanUp, calls } = cleanUpForTest(t, { cacheBytes: 5000 })
  const { removed } = await cleanUp.run(signal)
  assert.deepEqual(removed.at(-1), { what: 'build cache', count: 1, bytes: 7 })
  assert.ok(calls.includes('prune 5000'))
})

test('with the engine away mirrors are swept all the same, and the rest is told', async (t) => {
  const { cleanUp } = cleanUpForTest(t, { isEngineAway: true })
  const { removed, problems } = await cleanUp.run(signal)
  assert.deepEqual(
    removed.map(({ what }) => what),
    ['mirrors and checkouts']
  )
  assert.deepEqual(problems.length, 2)
  assert.match(problems[0] ?? '', /no Docker engine answers/)
})

test('those who ask at the same time share one run', async (t) => {
  const { cleanUp, calls } = cleanUpForTest(t)
  await Promise.all([cleanUp.run(signal), cleanUp.run(signal), cleanUp.run(signal)])
  assert.equal(calls.filter((call) => call === 'sweep').length, 1)
})

test('a request is answered at once that it begins, and with the report when it is done', async (t) => {
  const { sent, hear, cleanUp } = cleanUpForTest(t)
  hear()
  assert.deepEqual(sent, [{ runId: 'r', builder: 'builder-1', report: '' }])
  await cleanUp.run(signal)
  await sleep(0)
  assert.match(sent[1]?.report ?? '', /images of the engine/)
})

test('it runs on a timer, not only at the start', async (t) => {
  const { calls } = cleanUpForTest(t, { periodMs: 20 })
  await sleep(200)
  assert.ok(calls.filter((call) => call === 'sweep').length > 1)
})
