import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProcessEnd } from '@slipway/machine'
import { createLogger } from '@slipway/service'
import { keepRunning } from './gateway-process.ts'

const logger = createLogger('test', 'silent')
const ended: ProcessEnd = { code: 1, signal: null }

/** Stands for a process: it runs until it is stopped, or ends by itself. */
function createProcess() {
  const { promise: exited, resolve } = Promise.withResolvers<ProcessEnd>()
  let isRunning = true
  const end = async () => {
    isRunning = false
    resolve(ended)
  }
  return { exited, stop: end, end, isRunning: () => isRunning }
}

test('a stop that comes while it is started again leaves no process behind', async () => {
  const [first, second] = [createProcess(), createProcess()]
  const isStarting = Promise.withResolvers<void>()
  const isStarted = Promise.withResolvers<void>()
  let starts = 0
  const kept = await keepRunning(
    async () => {
      starts += 1
      if (starts === 1) return first
      isStarting.resolve()
      await isStarted.promise
      return second
    },
    'it',
    logger
  )
  await first.end()
  await isStarting.promise
  const stopped = kept.stop()
  isStarted.resolve()
  await stopped
  assert.deepEqual([starts, second.isRunning()], [2, false])
})

test('what does not start is tried again, and a stop does not wait for the next try', async () => {
  const first = createProcess()
  let starts = 0
  const failedOften = Promise.withResolvers<void>()
  const kept = await keepRunning(
    async () => {
      starts += 1
      if (starts === 1) return first
      if (starts === 4) failedOften.resolve()
      throw new Error('no')
    },
    'it',
    logger
  )
  await first.end()
  await failedOften.promise
  const before = performance.now()
  await kept.stop()
  assert.ok(performance.now() - before < 500, 'the pause is 1.6 s by now')
  assert.equal(starts, 4)
})
