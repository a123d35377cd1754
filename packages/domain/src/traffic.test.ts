import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  addTraffic,
  errorsOf,
  latencyBounds,
  latencyCell,
  noTraffic,
  percentileOf,
  stepsOf,
  trafficWindows
} from './traffic.ts'

function histogramOf(latencies: readonly number[]): number[] {
  const { latency } = noTraffic()
  for (const ms of latencies) latency[latencyCell(ms)] = (latency[latencyCell(ms)] ?? 0) + 1
  return latency
}

test('a call is counted in the first cell whose bound it does not exceed, and behind the last one otherwise', () => {
  assert.deepEqual([0, 1, 1.01, 60_000, 60_001].map(latencyCell), [0, 0, 1, 27, 28])
  fc.assert(
    fc.property(fc.double({ min: 0, max: 100_000, noNaN: true }), (ms) => {
      const expected = latencyBounds.findIndex((bound) => ms <= bound)
      assert.equal(latencyCell(ms), expected === -1 ? latencyBounds.length : expected)
    })
  )
})

test('a percentile lies in the cell of the call that it is of', () => {
  const some = fc.array(fc.double({ min: 0, max: 59_000, noNaN: true }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(some, fc.constantFrom(0.5, 0.95, 0.99), (latencies, share) => {
      const exact = latencies.toSorted((a, b) => a - b)[Math.ceil(share * latencies.length) - 1] as number
      const told = percentileOf(histogramOf(latencies), share) as number
      const cell = latencyCell(exact)
      assert.ok(told <= (latencyBounds[cell] as number) && told >= (latencyBounds[cell - 1] ?? 0) - 0.01)
    })
  )
})

test('without calls there is no percentile, and beyond the last bound it is that bound', () => {
  assert.equal(percentileOf(noTraffic().latency, 0.5), null)
  assert.equal(percentileOf(histogramOf([100_000]), 0.5), 60_000)
})

test('counts are added, and of what runs at a time the most is kept', () => {
  const sum = noTraffic()
  addTraffic(sum, { calls: 2, codes: { 200: 1, 503: 1 }, latency: histogramOf([1, 4]), running: 3 })
  addTraffic(sum, { calls: 1, codes: { 200: 1 }, latency: histogramOf([1]), running: 2 })
  assert.deepEqual([sum.calls, sum.codes, sum.running, errorsOf(sum)], [3, { 200: 2, 503: 1 }, 3, 1])
  assert.deepEqual(sum.latency.slice(0, 4), [2, 0, 0, 1])
})

test('a window ends with the step that is not over, and its steps begin where everybody has them begin', () => {
  const now = Date.UTC(2026, 10, 22, 21, 23, 45)
  for (const window of Object.keys(trafficWindows) as (keyof typeof trafficWindows)[]) {
    const { from, stepMs, count } = stepsOf(window, now)
    assert.equal(from % stepMs, 0)
    const end = from + stepMs * count
    assert.ok(end > now && end - stepMs <= now, window)
  }
})
