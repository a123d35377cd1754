import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes } from './bytes.ts'

test('bytes are told in the unit in which they have few digits', () => {
  const kib = 1024
  const told = [0, 1023, kib, 9.99 * kib, 1023.4 * kib, 1023.9 * kib, 3.44 * kib ** 3, 20 * kib ** 3, 5000 * kib ** 4]
  assert.deepEqual(told.map(formatBytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '10 KiB',
    '1023 KiB',
    '1.0 MiB',
    '3.4 GiB',
    '20 GiB',
    '5000 TiB'
  ])
})
