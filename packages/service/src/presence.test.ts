import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { test } from 'node:test'
import type { RunningService } from '@slipway/domain'
import { createLogger } from './logger.ts'
import { createPresence, releaseOf } from './presence.ts'

const logger = createLogger('test', 'silent')

test('a service says what it is as soon as it starts, and leaves when it stops', async () => {
  const first = Promise.withResolvers<RunningService>()
  const left: string[] = []
  const presence = createPresence({
    services: { tell: async (told) => first.resolve(told), leave: async (id) => void left.push(id) },
    kind: 'builder',
    id: 'builder-1',
    facts: async () => ({ slots: 2 }),
    now: () => 7,
    logger
  })
  assert.deepEqual(await first.promise, {
    id: 'builder-1',
    kind: 'builder',
    host: hostname(),
    version: releaseOf(),
    startedAt: 7,
    seenAt: 7,
    facts: { slots: 2 }
  })
  await presence.close()
  assert.deepEqual(left, ['builder-1'])
})

test('a service stops although nobody hears that it does', async () => {
  const presence = createPresence({
    services: {
      tell: () => Promise.reject(new Error('away')),
      leave: () => Promise.reject(new Error('away'))
    },
    kind: 'api',
    id: 'api-1',
    now: () => 7,
    logger
  })
  await presence.close()
  assert.match(releaseOf(), /^\d+\.\d+\.\d+/)
})
