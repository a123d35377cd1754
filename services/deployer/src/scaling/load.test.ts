import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SignalName, SignalPayload } from '@slipway/queue'
import { createLoads } from './load.ts'

function createGround() {
  let time = 0
  const listeners = new Map<SignalName, (payload: never) => void>()
  const waited: string[][] = []
  const loads = createLoads({
    signals: {
      listen: (name, listener) => {
        listeners.set(name, listener)
        return () => listeners.delete(name)
      }
    },
    onWaiting: (ids) => waited.push(ids),
    monotonicNow: () => time
  })
  const send = <N extends SignalName>(name: N, payload: SignalPayload<N>) => listeners.get(name)?.(payload as never)
  function tell(gatewayId: string, calls: Record<string, number>, more: Record<string, Record<string, number>> = {}) {
    send('gateway', { gatewayId, routesVersion: 1, inFlight: more.inFlight ?? {} })
    send('load', { gatewayId, calls, waiting: more.waiting ?? {} })
  }
  const pass = (ms: number) => {
    time += ms
  }
  return { loads, tell, send, pass, waited }
}

test('calls are what came since the last look, of all gateways together, also when messages were lost', () => {
  const { loads, tell, pass } = createGround()
  tell('one', { d: 100 })
  tell('two', { d: 7 })
  pass(2000)
  tell('one', { d: 110 })
  tell('two', { d: 7 })
  loads.take()
  tell('one', { d: 150 }, { inFlight: { d: 3 } })
  tell('two', { d: 9 }, { inFlight: { d: 1, other: 2 } })
  assert.deepEqual(
    [...(loads.take() ?? [])],
    [
      ['d', { inFlight: 4, calls: 42 }],
      ['other', { inFlight: 2, calls: 0 }]
    ]
  )
  assert.deepEqual(loads.take()?.get('d'), { inFlight: 4, calls: 0 })
})

test('what a gateway counted before it was first heard of is no load', () => {
  const { loads, tell, pass } = createGround()
  pass(2000)
  tell('one', { d: 1_000_000 })
  assert.deepEqual(loads.take()?.get('d'), { inFlight: 0, calls: 1 })
})

test('nothing is known without gateways, right after the start, and while one of them tells nothing of its load', () => {
  const { loads, tell, send, pass } = createGround()
  tell('one', {})
  assert.equal(loads.take(), null, 'others may not have been heard yet')
  pass(2000)
  tell('one', {})
  assert.notEqual(loads.take(), null)
  send('gateway', { gatewayId: 'former', routesVersion: 1, inFlight: {} })
  assert.equal(loads.take(), null)
  pass(6000)
  assert.equal(loads.take(), null, 'nobody speaks')
})

test('held calls are load, counted once, and are told of at once', () => {
  const { loads, tell, pass, waited } = createGround()
  pass(2000)
  tell('one', {}, { inFlight: { d: 2 }, waiting: { d: 3 } })
  assert.deepEqual([waited, loads.take()?.get('d')], [[['d']], { inFlight: 3, calls: 0 }])
})
