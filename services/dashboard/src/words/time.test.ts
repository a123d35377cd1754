import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAgo, formatDuration } from './time.ts'

test('times are relative up to a month, then dates', () => {
  const now = Date.UTC(2026, 10, 22, 12)
  const ago = (ms: number) => formatAgo(now - ms, now)
  assert.deepEqual([2000, 42_000, 61_000, 3_600_000, 86_400_000, 3 * 86_400_000, -10_000].map(ago), [
    'just now',
    '42 s ago',
    '1 min ago',
    '1 h ago',
    '1 day ago',
    '3 days ago',
    'in 10 s'
  ])
  assert.match(ago(60 * 86_400_000), /^23 Sept? 2026$/)
})

test('durations are as exact as they are of use', () => {
  assert.deepEqual([-5, 4, 940, 950, 9900, 12_400, 61_000, 3_720_000].map(formatDuration), [
    '0 s',
    '4 ms',
    '940 ms',
    '0.9 s',
    '9.9 s',
    '12 s',
    '1 min 1 s',
    '1 h 2 min'
  ])
})
