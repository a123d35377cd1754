import assert from 'node:assert/strict'
import { test } from 'node:test'
import { suggestion } from '@slipway/domain'
import { formatMemory, parseCpu, parseMemory } from './quantity.ts'

test('memory is read in the units of Kubernetes and of Docker', () => {
  const cases: Record<string, number | null> = {
    '134217728': 134_217_728,
    '128Mi': 134_217_728,
    '128m': 134_217_728,
    '128mb': 134_217_728,
    '128M': 128_000_000,
    '1G': 1_000_000_000,
    '1g': 1_073_741_824,
    '1Gi': 1_073_741_824,
    '1.5Gi': 1_610_612_736,
    '1e9': 1_000_000_000,
    '64Ki': 65_536,
    '': null,
    Mi: null,
    '-1': null,
    '1 Gi': null,
    '1Xi': null,
    '1GiB': null,
    '0x10': null,
    '999999999999999Ti': null,
    '1e99': null
  }
  for (const [text, bytes] of Object.entries(cases)) assert.equal(parseMemory(text), bytes, text)
})

test('processors are read in thousandths or in whole ones', () => {
  const cases: Record<string, number | null> = {
    '500m': 500,
    '0.5': 500,
    '2': 2000,
    '1.25': 1250,
    '': null,
    m: null,
    '-1': null,
    '1e3': null
  }
  for (const [text, millis] of Object.entries(cases)) assert.equal(parseCpu(text), millis, text)
})

test('memory is told in the largest unit without a fraction', () => {
  assert.deepEqual([1024 ** 3, 1536 * 1024 ** 2, 4096, 1000].map(formatMemory), ['1Gi', '1536Mi', '4Ki', '1000 bytes'])
})

test('a near miss is guessed, a far one is not', () => {
  assert.equal(suggestion('handlr', ['handler', 'lang']), ' (did you mean "handler"?)')
  assert.equal(suggestion('Lang', ['handler', 'lang']), ' (did you mean "lang"?)')
  assert.equal(suggestion('banana', ['handler', 'lang']), '')
  assert.equal(suggestion('x', ['y']), '')
})
