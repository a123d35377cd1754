import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDuration } from './duration.ts'

test('durations are those of Go, bare numbers are seconds', () => {
  const cases: Record<string, number | null> = {
    '30': 30_000,
    '30s': 30_000,
    '1m30s': 90_000,
    '1.5h': 5_400_000,
    '250ms': 250,
    '1500us': 2,
    '0': 0,
    '': null,
    s: null,
    '-1s': null,
    '1 m': null,
    '1d': null,
    '99999999999999999999h': null
  }
  for (const [text, ms] of Object.entries(cases)) assert.equal(parseDuration(text), ms, text)
})
