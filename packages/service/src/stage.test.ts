import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Builds, Failure } from '@slipway/domain'
import { attemptLimit } from './backoff.ts'
import { createLogger } from './logger.ts'
import { createStage } from './stage.ts'

/** Keeps what was said of one build. */
function createStageForTest({ isHeld = true, leaseMs = 60_000 }: { isHeld?: boolean; leaseMs?: number } = {}) {
  const said: unknown[][] = []
  const state = { isHeld, isCancelled: false }
  const listeners = new Set<(buildId: string) => void>()
  const builds: Pick<Builds, 'renew' | 'giveBack' | 'retryLater' | 'finish'> = {
    renew: async () => state,
    giveBack: async () => void said.push(['giveBack']),
    retryLater: async (_id, _holder, reason, at) => void said.push(['retryLater', reason, at]),
    finish: async (_id, _holder, { status, reason }) => void said.push(['finish', status, reason])
  }
  const runStage = createStage({
    builds,
    leaseMs,
    now: () => 1_000_000,
    logger: createLogger('test', 'silent'),
    onCancel: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    changed: () => {}
  })
  return { runStage, said, state, cancel: () => listeners.forEach((listener) => listener('b')) }
}

const never = new AbortController().signal
const build = { id: 'b', attempt: 0 }
const waitForAbort = (signal: AbortSignal) =>
  new Promise<void>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))

test('a failure of theirs ends the build as failed, with its message', async () => {
  const { runStage, said } = createStageForTest()
  await runStage(build, 'me', never, async () => {
    throw new Failure('build-failed', 'exit code 1')
  })
  assert.deepEqual(said, [['finish', 'failed', 'exit code 1']])
})

test('a failure of ours is tried again later, not before the time that the other side named', async () => {
  const { runStage, said } = createStageForTest()
  await runStage(build, 'me', never, async () => {
    throw new Failure('rate-limited', 'later', { retryAfterMs: 90_000 })
  })
  assert.deepEqual(said, [['retryLater', 'later', 1_090_000]])
})

test('a bug is tried again, and its text is not shown to the owner', async () => {
  const { runStage, said } = createStageForTest()
  await runStage(build, 'me', never, async () => {
    throw new TypeError('secret internals')
  })
  assert.equal(said[0]?.[0], 'retryLater')
  assert.doesNotMatch(String(said[0]?.[1]), /secret/)
})

test('after the last try the build ends as error', async () => {
  const { runStage, said } = createStageForTest()
  await runStage({ id: 'b', attempt: attemptLimit - 1 }, 'me', never, async () => {
    throw new Failure('unavailable', 'the registry is away')
  })
  assert.deepEqual(said[0]?.slice(0, 2), ['finish', 'error'])
})

test('a shutdown gives the build back and counts no attempt', async () => {
  const { runStage, said } = createStageForTest()
  const shutdown = new AbortController()
  const running = runStage(build, 'me', shutdown.signal, waitForAbort)
  shutdown.abort()
  await running
  assert.deepEqual(said, [['giveBack']])
})

test('a request to cancel stops the work at once', async () => {
  const { runStage, said, state, cancel } = createStageForTest()
  const running = runStage(build, 'me', never, waitForAbort)
  state.isCancelled = true
  cancel()
  await running
  assert.deepEqual(said, [['finish', 'cancelled', 'cancelled on request']])
})

test('a request to cancel is seen at the next renewal when its signal is lost', async () => {
  const { runStage, said, state } = createStageForTest({ leaseMs: 30 })
  const running = runStage(build, 'me', never, waitForAbort)
  state.isCancelled = true
  await running
  assert.equal(said[0]?.[1], 'cancelled')
})

test('a lost lease stops the work and says nothing, for another worker has the build', async () => {
  const { runStage, said } = createStageForTest({ isHeld: false, leaseMs: 15 })
  await runStage(build, 'me', never, waitForAbort)
  assert.deepEqual(said, [])
})

test('work that ends well says nothing: it has said it itself', async () => {
  const { runStage, said } = createStageForTest()
  await runStage(build, 'me', never, () => sleep(1))
  assert.deepEqual(said, [])
})
