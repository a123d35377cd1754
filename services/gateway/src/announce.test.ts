import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { test } from 'node:test'
import { releaseOf } from '@slipway/service/presence'
import { announce } from './announce.ts'

test('a gateway says at once that it is there, and when it stops', () => {
  const sent: unknown[] = []
  const announced = announce('g1', { send: (name, payload) => void sent.push([name, payload]) }, () => 5)
  announced.close()
  assert.deepEqual(sent, [
    ['serving', { gatewayId: 'g1', host: hostname(), version: releaseOf(), startedAt: 5 }],
    ['left', { gatewayId: 'g1' }]
  ])
})
