import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clipped, tableOfReasons } from './table.ts'

const head = ['BUILD', 'WHY']
const rows = [
  ['one', 'it exited with code 1\nits last log lines:\n    at Module._compile'],
  ['two', 'a reason that is somewhat longer than what most of the terminals of people have room for']
]

test('of a reason its first line is told, cut to the terminal; whole where there is none', () => {
  const onTerminal = tableOfReasons(head, rows, 60).split('\n')
  assert.deepEqual(onTerminal, [
    'BUILD  WHY',
    'one    it exited with code 1',
    'two    a reason that is somewhat longer than what most of t…'
  ])
  assert.equal(Math.max(...onTerminal.map((line) => line.length)), 60)
  const piped = tableOfReasons(head, rows, Infinity).split('\n')
  assert.deepEqual(piped.slice(1), ['one    it exited with code 1', `two    ${rows[1]?.[1]}`])
})

test('where a narrow terminal leaves too little for a reason it takes a second line, and no more', () => {
  const [, , last = ''] = tableOfReasons(head, rows, 40).split('\n')
  assert.equal(last, 'two    a reason that is somewhat longer than what most of the term…')
})

test('what is not cut is left as it is', () => {
  assert.equal(clipped('four', 4), 'four')
  assert.equal(clipped('fours', 4), 'fou…')
})
