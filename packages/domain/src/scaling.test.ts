import assert from 'node:assert/strict'
import { test } from 'node:test'
import { replicasFor, scalePolicyOf } from './scaling.ts'

const labelled = (labels: Record<string, string>) =>
  scalePolicyOf(
    Object.fromEntries(Object.entries(labels).map(([name, value]) => [`com.openfaas.scale.${name}`, value]))
  )

test('a function that says nothing of load or idleness keeps its replicas', () => {
  assert.deepEqual(scalePolicyOf({}), { load: null, zeroAfterMs: null, downAfterMs: 60_000 })
  assert.equal(labelled({ min: '3' }).load, null)
})

test('load counts by calls a second unless the type says otherwise, with the targets of OpenFaaS', () => {
  assert.deepEqual(labelled({ max: '5' }).load, { kind: 'rps', target: 45 })
  assert.deepEqual(labelled({ type: 'capacity', target: '10' }).load, { kind: 'capacity', target: 9 })
  assert.deepEqual(labelled({ target: '10', 'target-proportion': '0.5' }).load, { kind: 'rps', target: 5 })
  assert.equal(labelled({ type: 'cpu', target: '500' }).load, null, 'not measured')
  assert.equal(labelled({ target: '10', 'down.window': '5m' }).downAfterMs, 300_000)
})

test('only who says zero goes to zero, after a quarter of an hour unless it says otherwise', () => {
  assert.equal(labelled({ zero: 'true' }).zeroAfterMs, 900_000)
  assert.equal(labelled({ zero: 'true', 'zero-duration': '30s' }).zeroAfterMs, 30_000)
  assert.equal(labelled({ zero: 'false', 'zero-duration': '30s' }).zeroAfterMs, null)
})

test('replicas carry the load within the bounds', () => {
  const bounds = { min: 2, max: 5 }
  assert.deepEqual(
    [0, 90, 91, 1000].map((amount) => replicasFor(amount, 45, bounds)),
    [2, 2, 3, 5]
  )
})
