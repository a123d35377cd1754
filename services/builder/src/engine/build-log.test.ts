import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createBuildLog, type LogLine } from './build-log.ts'

function logged(limits = { bytes: 1000, line: 20 }) {
  const lines: LogLine[] = []
  const log = createBuildLog((line) => lines.push(line), limits)
  const write = (text: string | Buffer, source = 'step') => log.write(source, 'stdout', Buffer.from(text))
  return { log, write, texts: () => lines.map(({ text }) => text), lines }
}

test('lines are given as they end, however they are cut on the way', () => {
  const { log, write, texts } = logged()
  for (const byte of Buffer.from('one\ntwö\r\n\nthree')) write(Buffer.from([byte]))
  assert.deepEqual(texts(), ['one', 'twö', ''])
  log.flush()
  assert.deepEqual(texts(), ['one', 'twö', '', 'three'])
})

test('how the output was cut into pieces makes no difference', () => {
  const pieces = fc.array(fc.constantFrom('a', 'b', '\r', '\n', 'é', 'long '), { maxLength: 60 })
  fc.assert(
    fc.property(pieces, fc.array(fc.nat(8)), (parts, cuts) => {
      const bytes = Buffer.from(parts.join(''))
      const whole = logged()
      whole.write(bytes)
      whole.log.flush()
      const cut = logged()
      let at = 0
      for (const size of cuts) {
        cut.write(bytes.subarray(at, at + size))
        at = Math.min(bytes.length, at + size)
      }
      cut.write(bytes.subarray(at))
      cut.log.flush()
      assert.deepEqual(cut.texts(), whole.texts())
    })
  )
})

test('a line that overwrites itself is given once, as it stood at its end', () => {
  const { log, write, texts } = logged()
  write('1%\r50%\r')
  write('100%\r\nnext\r')
  write('done\n10%\r20%')
  log.flush()
  assert.deepEqual(texts(), ['100%', 'done', '20%'])
})

test('other control characters are kept', () => {
  const { write, texts } = logged()
  write('\u001B[31mred\u001B[0m\t\u0007\n')
  assert.deepEqual(texts(), ['\u001B[31mred\u001B[0m\t\u0007'])
})

test('a long line is cut, and what it holds besides is not kept in memory', () => {
  const { write, texts } = logged({ bytes: 1000, line: 20 })
  for (let index = 0; index < 100; index++) write('0123456789')
  write('\nshort\n')
  assert.deepEqual(texts(), ['01234567890123456789 […]', 'short'])
})

test('output over the limit is cut with one line that says so; what the builder says goes on', () => {
  const { log, write, texts, lines } = logged({ bytes: 1024 * 1024, line: 1024 })
  for (let index = 0; index < 3000; index++) write(`${'x'.repeat(1023)}\n`)
  log.say('[2/2] COPY a /a')
  assert.equal(texts().filter((text) => text.startsWith('x')).length, 1024)
  assert.deepEqual(lines.slice(1024), [
    { stream: 'slipway', text: 'the log is cut here: more than 1 MiB were printed' },
    { stream: 'slipway', text: '[2/2] COPY a /a' }
  ])
})

test('steps that print at the same time do not mix their lines', () => {
  const { log, write, texts } = logged()
  write('one ', 'a')
  write('two ', 'b')
  write('more\n', 'a')
  log.flush('b')
  assert.deepEqual(texts(), ['one more', 'two '])
})
