import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatCount, linePath, lonePath, scaleEnd } from './chart.ts'

test('counts are short', () => {
  assert.deepEqual([0, 999, 1234, 56_789, 2_300_000, 45_000_000].map(formatCount), [
    '0',
    '999',
    '1.2k',
    '57k',
    '2.3M',
    '45M'
  ])
})

test('a scale ends at a round number that holds the highest value', () => {
  assert.deepEqual([0, 1, 1.5, 7, 12, 230, 5000, 5001].map(scaleEnd), [1, 1, 2, 10, 20, 500, 5000, 10_000])
})

test('a line has a gap where nothing was measured, and a lone value is a dot', () => {
  assert.equal(linePath([0, 5, 10], 10, 100, 10), 'M0.0 10.0L50.0 5.0L100.0 0.0')
  assert.equal(linePath([null, 10, null], 10, 100, 10), 'M50.0 0.0h.1')
  assert.equal(lonePath([5, null, 10, null, 1, 2], 10, 100, 10), 'M0.0 5.0h.1M40.0 0.0h.1')
  assert.equal(lonePath([1, 2, 3], 10, 100, 10), '')
})
