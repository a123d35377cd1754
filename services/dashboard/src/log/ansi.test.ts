import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plainText, spansOf } from './ansi.ts'

test('colours become classes, and text stays text', () => {
  assert.deepEqual(spansOf('plain \u001b[1;31mred <b>\u001b[0m end'), [
    { text: 'plain ', classes: '' },
    { text: 'red <b>', classes: 'ansi-red ansi-bold' },
    { text: ' end', classes: '' }
  ])
})

test('a line without sequences is one span, whatever it says', () => {
  assert.deepEqual(spansOf('<script>alert(1)</script>'), [{ text: '<script>alert(1)</script>', classes: '' }])
})

test('what a carriage return overwrote is not shown', () => {
  assert.equal(plainText('10 %\r50 %\r100 %'), '100 %')
  assert.equal(plainText('windows\r'), 'windows')
})

test('sequences that move, clear, set titles or link are taken out', () => {
  assert.equal(plainText('\u001b[2K\u001b[1Aup\u001b[?25l'), 'up')
  assert.equal(plainText('\u001b]0;title\u0007after'), 'after')
  assert.equal(plainText('\u001b]8;;javascript:alert(1)\u001b\\link\u001b]8;;\u001b\\'), 'link')
  assert.equal(plainText('bell\u0007 and back\u0008space'), 'bell and backspace')
})

test('classes are never made of what a program wrote', () => {
  const spans = spansOf('\u001b[38;2;1;2;3mtrue\u001b[0m \u001b[38;5;200mpalette\u001b[0m \u001b[999;"onload=xmodd')
  for (const { classes } of spans) assert.match(classes, /^(ansi-[a-z-]+( ansi-[a-z-]+)*)?$/)
})
