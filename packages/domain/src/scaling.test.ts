import assert from 'node:assert/strict'
import { test } from 'node:test'
import { replicasByItself, replicasFor, replicasOnAlert, scalePolicyOf } from './scaling.ts'

const labelled = (labels: Record<string, string>) =>
  scalePolicyOf(
    Object.fromEntries(Object.entries(labels).map(([name, value]) => [`com.openfaas.scale.${name}`, value]))
  )

test('a function that says nothing of load or idleness keeps its replicas', () => {
  assert.deepEqual(scalePolicyOf({}), { load: null, zeroAfterMs: null, downAfterMs: 60_000, alertFactor: 10 })
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

test('who names the step of alerts and nothing of load is scaled by alerts alone', () => {
  assert.deepEqual([labelled({ max: '5', factor: '20' }).load, labelled({ factor: '20' }).alertFactor], [null, 20])
  assert.deepEqual(labelled({ max: '5', factor: '20', target: '10' }).load, { kind: 'rps', target: 9 })
  assert.equal(labelled({ factor: '101' }).alertFactor, 10, 'what cannot be read counts as not said')
})

test('an alert adds its part of the most replicas until there are no more, and gives all back when it is over', () => {
  const bounds = { min: 1, max: 10 }
  const steps = [1]
  for (let i = 0; i < 5; i += 1) steps.push(replicasOnAlert(true, steps.at(-1) ?? 0, 25, bounds))
  assert.deepEqual(steps, [1, 4, 7, 10, 10, 10])
  assert.equal(replicasOnAlert(false, 10, 25, bounds), 1)
  assert.equal(replicasOnAlert(false, 10, 25, { min: 2, max: 10 }), 2)
  assert.equal(replicasOnAlert(true, 3, 100, { min: 3, max: 3 }), 3)
  assert.deepEqual([replicasOnAlert(true, 2, 0, bounds), replicasOnAlert(false, 2, 0, bounds)], [2, 2], 'switched off')
  assert.deepEqual([replicasOnAlert(true, 0, 10, bounds), replicasOnAlert(false, 0, 10, bounds)], [1, 0], 'asleep')
})

test('left to itself a function goes to its fewest replicas, or on from where load has brought it', () => {
  const [load, zero] = [{ 'com.openfaas.scale.max': '5' }, { 'com.openfaas.scale.zero': 'true' }]
  const bounds = { min: 1, max: 5 }
  assert.deepEqual([replicasByItself({}, 3, bounds), replicasByItself({}, 0, bounds)], [1, 1])
  assert.deepEqual([replicasByItself(load, 3, bounds), replicasByItself(load, 8, bounds)], [3, 5])
  assert.deepEqual([replicasByItself(zero, 0, bounds), replicasByItself(zero, 2, bounds)], [0, 1])
})
