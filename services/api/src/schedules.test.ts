import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageOf, pushOf, seedLive, specOf } from '@slipway/testing'
import { commits, createApiForTest } from './api.fixture.ts'

const at = Date.UTC(2026, 10, 23, 7, 30)

test('a function with a schedule tells when it is called next and what became of the last time', async (t) => {
  const { api, store } = await createApiForTest(t, { now: () => at })
  const annotations = { topic: 'cron-function', schedule: '@hourly; 0 9 * * *', 'schedule.timezone': 'Europe/Berlin' }
  const spec = specOf('nightly', { annotations })
  const functions = [spec, specOf('hello'), specOf('odd', { annotations: { ...annotations, schedule: 'whenever' } })]
  await seedLive(
    store,
    pushOf(commits.a),
    functions.map((one) => ({ spec: one, image: imageOf(one.name) })),
    at
  )
  const nightly = { owner: 'alice', name: 'nightly' }
  const expected = { expressions: ['@hourly', '0 9 * * *'], timezone: 'Europe/Berlin', isOverlapAllowed: false }
  const nextAt = Date.UTC(2026, 10, 23, 8)
  assert.deepEqual((await api.getFunction(nightly)).schedule, { ...expected, nextAt, last: null })
  assert.equal((await api.getFunction({ ...nightly, name: 'hello' })).schedule, null)
  assert.equal((await api.getFunction({ ...nightly, name: 'odd' })).schedule?.nextAt, null)

  const ownerId = (await store.owners.findBySlug('alice'))?.id ?? ''
  const last = { at: at - 1, outcome: 'skipped' as const, reason: 'the call before it is still under way' }
  await store.schedules.note({ ownerId, functionName: 'nightly', callId: 'schedule-1', ...last })
  const paused = await api.pauseFunction(nightly)
  assert.deepEqual(paused.schedule, { ...expected, nextAt: null, last })
})
