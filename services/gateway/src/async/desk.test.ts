import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Failure } from '@slipway/domain'
import type { AsyncCall, AsyncCalls } from '@slipway/queue/async-calls'
import { createLogger } from '@slipway/service/logger'
import { until } from '../gateway-for-test.ts'
import { createAsyncDesk } from './desk.ts'

const call: AsyncCall = {
  callId: 'one',
  ownerSlug: 'alice',
  functionName: 'fn',
  method: 'POST',
  target: '/',
  headers: [],
  body: '',
  callbackUrl: null,
  acceptedAt: 1
}
const key = 'o-alice/fn'

/** A desk whose calls wait until they are said to be made, and nothing of it but the desk itself is tried. */
function createDeskForTest(t: TestContext) {
  const backlog = new Set<string>()
  const workers = { begun: 0, ended: 0 }
  const redis = { waiting: 0, removals: 0, isAway: false }
  const calls: AsyncCalls = {
    enqueue: async () => void redis.waiting++,
    isUnderWay: async () => redis.waiting > 0,
    counts: async () => ({ waiting: redis.waiting, active: 0, delayed: 0, dead: 0 }),
    work: () => {
      workers.begun += 1
      return { close: async () => void workers.ended++ }
    },
    close: async () => undefined
  }
  const desk = createAsyncDesk({
    backlog: {
      functions: async () => [...backlog],
      add: async (functionKey) => void backlog.add(functionKey),
      remove: async (functionKey) => {
        redis.removals += 1
        if (redis.isAway) throw new Failure('unavailable', 'Redis does not answer')
        backlog.delete(functionKey)
      },
      close: () => undefined
    },
    open: async () => calls,
    make: async () => ({ kind: 'done' }),
    periodMs: 1,
    idleMs: -1,
    graceMs: 0,
    now: Date.now,
    logger: createLogger('test', 'silent')
  })
  t.after(() => desk.close())
  return { desk, backlog, workers, redis }
}

test('a worker that is not needed any more ends, also when Redis goes away just then', async (t) => {
  const { desk, backlog, workers, redis } = createDeskForTest(t)
  redis.isAway = true
  await desk.leave(key, call)
  redis.waiting = 0
  await until(() => redis.removals >= 3)
  assert.ok(workers.begun - workers.ended <= 1, `${workers.begun} began, ${workers.ended} ended`)
  redis.isAway = false
  await until(() => backlog.size === 0 && workers.begun === workers.ended)
})

test('what another gateway let go of while a call waits is looked after by all again', async (t) => {
  const { desk, backlog } = createDeskForTest(t)
  await desk.leave(key, call)
  backlog.delete(key)
  await until(() => backlog.has(key))
})
