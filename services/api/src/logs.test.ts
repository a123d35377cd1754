import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Build } from '@slipway/domain'
import { readLog } from './logs.ts'

test('who stops to follow a log while the store is read is not kept until the next look', async () => {
  const stop = new AbortController()
  const build = { id: 'one', status: 'building' } as Build
  const chunks = readLog(
    {
      store: {
        builds: { get: async () => build },
        logs: {
          async read() {
            stop.abort()
            return []
          }
        }
      },
      signals: { listen: () => () => undefined },
      now: Date.now
    },
    build.id,
    { after: 0, follow: true },
    stop.signal
  )
  const ended = chunks[Symbol.asyncIterator]()
    .next()
    .then(({ done }) => done)
  assert.equal(await Promise.race([ended, nextTurn('it waits')]), true)
})
