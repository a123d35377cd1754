import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { codeBlock, lastBytes, oneLine } from './text.ts'

test('whatever a log holds, its block is within the limit, whole text, and ends where it should', () => {
  const log = fc.string({
    unit: fc.constantFrom('`', '```', 'a', 'ü', '😀', '\n', '\u001b[31m', '\u0000', '\ud800'),
    maxLength: 800
  })
  fc.assert(
    fc.property(log, fc.integer({ min: 250, max: 900 }), (text, limit) => {
      const block = codeBlock(text, limit)
      assert.ok(Buffer.byteLength(block) <= limit && block.isWellFormed())
      const fence = /^`{3,}/.exec(block)?.[0] ?? ''
      assert.ok(block.endsWith(`\n${fence}`))
      assert.ok(!block.slice(fence.length, -fence.length).includes(fence))
    })
  )
})

test('a log with more backticks than a function takes arguments is no trouble', () => {
  assert.ok(codeBlock('` '.repeat(1_000_000), 65_535).length <= 65_535)
})

test('the end of a text is kept, without half a character', () => {
  assert.equal(lastBytes('aüb', 2), 'b')
  assert.equal(lastBytes('aüb', 3), 'üb')
  assert.equal(lastBytes('a\ud800', 9), 'a\ufffd')
})

test('a line is cut with an ellipsis and holds no escapes', () => {
  assert.equal(oneLine('a\n\u001b[1mb\u001b[0m\u0007  c', 20), 'a b c')
  assert.equal(oneLine('😀😀', 3).isWellFormed(), true)
})
