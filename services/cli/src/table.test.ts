import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clipped, table, tableOfReasons } from './table.ts'

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

test('where a terminal is too narrow for the columns, each row is a block with a line for each cell', () => {
  const head = ['', 'BUILD', 'WHY']
  const rows = [
    ['!!', '01a208af-1845-758e-bfa4-f41fd7d35efc', 'a newer commit is the head'],
    ['', '01a208af-1819-747e-bf68-68743b4ff4e7', '']
  ]
  assert.equal(
    table(head, rows, 60),
    [
      '       !!',
      'BUILD  01a208af-1845-758e-bfa4-f41fd7d35efc',
      'WHY    a newer commit is the head',
      '',
      'BUILD  01a208af-1819-747e-bf68-68743b4ff4e7'
    ].join('\n')
  )
  assert.match(tableOfReasons(head, rows, 30), /^ {7}!!\nBUILD /)
  assert.equal(table(head, rows, 79).split('\n').length, 3, 'it fits')
  assert.equal(table(head, rows, 30).split('\n')[1], 'BUILD  01a208af-1845-758e-bfa4-f41fd7d35efc')
  assert.equal(
    table(
      [...head, 'MORE'],
      rows.map((row) => [...row, 'x'.repeat(99)]),
      80
    ).split('\n').length,
    3
  )
})
