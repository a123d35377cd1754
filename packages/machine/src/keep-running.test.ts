import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepRunning } from './keep-running.ts'
import type { ProcessEnd } from './process.ts'
import { waitFor } from './wait.ts'

const logger = { info: () => {}, error: () => {} }

/** Processes that are only memory. */
function createProcesses() {
  let running = 0
  let startsThatFail = 0
  const ends: ((end: ProcessEnd) => void)[] = []
  return {
    running: () => running,
    starts: () => ends.length,
    failStarts: (count: number) => {
      startsThatFail = count
    },
    crash: () => ends.at(-1)?.({ code: 1, signal: null }),
    async start() {
      if (startsThatFail-- > 0) throw new Error('not now')
      running += 1
      let isRunning = true
      const { promise: exited, resolve } = Promise.withResolvers<ProcessEnd>()
      ends.push((end) => {
        if (isRunning) running -= 1
        isRunning = false
        resolve(end)
      })
      const end = ends.at(-1)
      return {
        exited,
        stop: async () => {
          end?.({ code: 0, signal: null })
          await exited
        }
      }
    }
  }
}

test('a process that ends is started again, also when it does not start at once', async () => {
  const processes = createProcesses()
  const kept = await keepRunning({ name: 'x', start: processes.start, logger, pauseMs: 1 })
  processes.failStarts(2)
  processes.crash()
  await waitFor(() => processes.starts() === 2 && processes.running() === 1, {
    timeoutMs: 20_000,
    what: 'a second start'
  })
  await kept.stop()
  assert.equal(processes.running(), 0)
})

test('it is away only for as long as it is interrupted, one interruption at a time', async () => {
  const processes = createProcesses()
  const kept = await keepRunning({ name: 'x', start: processes.start, logger, pauseMs: 1 })
  const seen: number[] = []
  const work = async () => {
    seen.push(processes.running())
    return 'done'
  }
  const both = await Promise.all([kept.interrupt(work), kept.interrupt(work)])
  assert.deepEqual(both, ['done', 'done'])
  assert.deepEqual(seen, [0, 0])
  assert.equal(processes.running(), 1)
  await assert.rejects(
    kept.interrupt(() => Promise.reject(new Error('failed'))),
    /failed/
  )
  assert.equal(processes.running(), 1)
  await kept.stop()
  assert.equal(processes.running(), 0)
})

test('a stop in the middle of a restart leaves nothing running', async () => {
  const processes = createProcesses()
  const kept = await keepRunning({ name: 'x', start: processes.start, logger, pauseMs: 1 })
  processes.crash()
  await kept.stop()
  assert.equal(processes.running(), 0)
})

test('a stop that comes while it is started again leaves no process behind', async () => {
  const processes = createProcesses()
  const isStarting = Promise.withResolvers<void>()
  const isStarted = Promise.withResolvers<void>()
  const start = async () => {
    if (processes.starts() > 0) {
      isStarting.resolve()
      await isStarted.promise
    }
    return processes.start()
  }
  const kept = await keepRunning({ name: 'x', start, logger, pauseMs: 1 })
  processes.crash()
  await isStarting.promise
  const stopped = kept.stop()
  isStarted.resolve()
  await stopped
  assert.deepEqual([processes.starts(), processes.running()], [2, 0])
})

test('a stop does not wait for the next start', async () => {
  const processes = createProcesses()
  const hasEnded = Promise.withResolvers<void>()
  const told = { ...logger, error: () => hasEnded.resolve() }
  const kept = await keepRunning({ name: 'x', start: processes.start, logger: told, pauseMs: 60_000 })
  processes.crash()
  await hasEnded.promise
  const before = performance.now()
  await kept.stop()
  assert.ok(performance.now() - before < 10_000)
  assert.equal(processes.starts(), 1)
})

test('a first start that fails is the caller’s to know', async () => {
  const processes = createProcesses()
  processes.failStarts(1)
  await assert.rejects(keepRunning({ name: 'x', start: processes.start, logger }), /not now/)
})
