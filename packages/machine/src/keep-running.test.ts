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

test('a first start that fails is the caller’s to know', async () => {
  const processes = createProcesses()
  processes.failStarts(1)
  await assert.rejects(keepRunning({ name: 'x', start: processes.start, logger }), /not now/)
})
