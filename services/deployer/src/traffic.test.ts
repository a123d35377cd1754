import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure, type TrafficBatch } from '@slipway/domain'
import { createLogger } from '@slipway/service'
import { createTrafficRecorder } from './traffic.ts'

const logger = createLogger('test', 'silent')
const batch = (number: number): TrafficBatch => ({ sender: 'g', number, parts: [] })

const calm = { isLeader: true, isStoreAway: false, isRemovalLost: false }

/** A stream that holds these, with a store that may be told to fail. */
function scene(entries: (TrafficBatch | null)[], begins: Partial<typeof calm> = {}) {
  let stream = entries.map((one, i) => ({ id: `${i}`, batch: one }))
  const recorded: number[] = []
  const about = { ...calm, ...begins }
  let rounds = 0
  const recorder = createTrafficRecorder({
    traffic: {
      record: async (batches) => {
        if (about.isStoreAway) throw new Failure('unavailable', 'away')
        recorded.push(...batches.map(({ number }) => number))
      }
    },
    reader: {
      read: async (most) => stream.slice(0, most),
      remove: async (ids) => {
        if (about.isRemovalLost) throw new Failure('unavailable', 'away')
        stream = stream.filter(({ id }) => !ids.includes(id))
      }
    },
    isLeader: () => {
      rounds += 1
      return about.isLeader
    },
    periodMs: 5,
    logger
  })
  return { recorder, recorded, about, left: () => stream.length, rounds: () => rounds }
}

async function until(isTrue: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !isTrue(); ) {
    if (Date.now() > end) throw new Error('not true after 20 s')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

test('everything in the stream is recorded in order, and what is no count is dropped', async () => {
  const { recorder, recorded, left } = scene([null, ...Array.from({ length: 50 }, (_, i) => batch(i))])
  await until(() => left() === 0)
  await recorder.close()
  assert.deepEqual(
    recorded,
    Array.from({ length: 50 }, (_, i) => i)
  )
})

test('with the store away nothing leaves the stream, and what was recorded comes again if it could not be removed', async () => {
  const { recorder, recorded, about, left, rounds } = scene([batch(1)], { isStoreAway: true, isRemovalLost: true })
  await until(() => rounds() > 2)
  assert.deepEqual([left(), recorded], [1, []])
  about.isStoreAway = false
  await until(() => recorded.length > 1)
  assert.deepEqual([left(), new Set(recorded)], [1, new Set([1])])
  about.isRemovalLost = false
  await until(() => left() === 0)
  await recorder.close()
})

test('who does not lead leaves the stream alone', async () => {
  const { recorder, about, left, rounds } = scene([batch(1)], { isLeader: false })
  await until(() => rounds() > 2)
  assert.equal(left(), 1)
  about.isLeader = true
  await until(() => left() === 0)
  await recorder.close()
})
