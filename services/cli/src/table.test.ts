import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clipped, tableOfReasons } from './table.ts'

const head = ['BUILD', 'WHY']
const rows = [
  ['one', 'it exited with code 1\nits last log lines:\n    at Module._compile'],
  ['two', 'a reason without an end that fits']
]

test('of a reason its first line is told, cut to the terminal; whole where there is none', () => {
  const onTerminal = tableOfReasons(head, rows, 30).split('\n')
  assert.deepEqual(onTerminal, ['BUILD  WHY', 'one    it exited with code 1', 'two    a reason without an en…'])
  assert.equal(Math.max(...onTerminal.map((line) => line.length)), 30)
  const piped = tableOfReasons(head, rows, Infinity).split('\n')
  assert.deepEqual(piped.slice(1), ['one    it exited with code 1', 'two    a reason without an end that fits'])
})

test('a narrow terminal leaves twenty characters of a reason', () => {
  assert.match(tableOfReasons(head, rows, 10), /^two {4}a reason without an…$/m)
})

test('what is not cut is left as it is', () => {
  assert.equal(clipped('four', 4), 'four')
  assert.equal(clipped('fours', 4), 'fou…')
})
