import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger } from '@slipway/service'
import { keepGatewayPresence } from './gateway-presence.ts'

test('gateways that say that they are there are kept by the leader, and not once they stop in order', () => {
  const listeners = new Map<string, (payload: never) => void>()
  const kept: string[] = []
  let isLeader = true
  const stop = keepGatewayPresence({
    services: {
      tell: async ({ id, kind, seenAt }) => void kept.push(`${kind} ${id} at ${seenAt}`),
      leave: async (id) => void kept.push(`${id} left`)
    },
    signals: {
      listen(name, listener) {
        listeners.set(name, listener)
        return () => listeners.delete(name)
      }
    },
    isLeader: () => isLeader,
    now: () => 9,
    logger: createLogger('test', 'silent')
  })
  const serving = { gatewayId: 'g1', host: 'one', version: '1.0.0', startedAt: 3 }
  listeners.get('serving')?.(serving as never)
  isLeader = false
  listeners.get('serving')?.({ ...serving, gatewayId: 'g2' } as never)
  isLeader = true
  listeners.get('left')?.({ gatewayId: 'g1' } as never)
  assert.deepEqual(kept, ['gateway g1 at 9', 'g1 left'])
  stop()
  assert.equal(listeners.size, 0)
})
