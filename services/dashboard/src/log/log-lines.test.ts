import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogChunk } from '@slipway/client'
import { matching, withChunks } from './log-lines.ts'

const chunk = (seq: number, text: string, functionName: string | null = null): LogChunk => ({
  seq,
  at: seq,
  step: 'build',
  functionName,
  stream: 'stdout',
  text
})
const empty = { lines: [], seq: 0 }

test('chunks become numbered lines, and those that come again after a lost connection count once', () => {
  const first = withChunks(empty, [chunk(1, 'a\nb'), chunk(2, 'c')])
  const again = withChunks(first, [chunk(2, 'c'), chunk(3, 'd')])
  assert.deepEqual(
    again.lines.map(({ number, text }) => `${number} ${text}`),
    ['1 a', '2 b', '3 c', '4 d']
  )
  assert.equal(again.seq, 3)
})

test('a function is shown with what concerns the whole build, and a search finds text through colours in any case', () => {
  const { lines } = withChunks(empty, [
    chunk(1, 'checkout'),
    chunk(2, '\u001b[31mEr\u001b[0mror here', 'hello'),
    chunk(3, 'other error', 'other')
  ])
  const texts = (search: string, functionName: string | null) =>
    matching(lines, { search, functionName }).map(({ number }) => number)
  assert.deepEqual(texts('', 'hello'), [1, 2])
  assert.deepEqual(texts('ERROR', null), [2, 3])
  assert.deepEqual(texts('error', 'hello'), [2])
})
