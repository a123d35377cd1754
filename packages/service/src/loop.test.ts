import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLogger } from './logger.ts'
import { createLoop } from './loop.ts'

const logger = createLogger('test', 'silent')

test('a woken loop runs at once, and once more when it was woken during a round', async () => {
  let rounds = 0
  const loop = createLoop(
    'test',
    60_000,
    async () => {
      rounds += 1
      await sleep(10)
    },
    logger
  )
  await sleep(30)
  assert.equal(rounds, 1)
  loop.wake()
  await sleep(1)
  loop.wake()
  loop.wake()
  await sleep(50)
  assert.equal(rounds, 3)
  await loop.close()
})

test('a failed round does not end the loop', async () => {
  let rounds = 0
  const loop = createLoop(
    'test',
    5,
    async () => {
      rounds += 1
      throw new Error('away')
    },
    logger
  )
  await sleep(50)
  await loop.close()
  assert.ok(rounds > 1)
})

test('closing aborts the round that is under way and waits for it', async () => {
  let isAborted = false
  const loop = createLoop(
    'test',
    1000,
    async (signal) => {
      await sleep(60_000, undefined, { signal }).catch(() => {
        isAborted = true
      })
    },
    logger
  )
  await sleep(5)
  await loop.close()
  assert.ok(isAborted)
})
