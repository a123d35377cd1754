import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { createRedactor, redactFailure } from './redact.ts'

const password = 'correct horse/battery?staple'

test('a secret is taken out wherever it stands, and nothing else is', () => {
  const { redact } = createRedactor([password, 'token-of-the-clone'])
  assert.equal(redact(`a ${password}${password} b`), 'a [redacted][redacted] b')
  assert.equal(redact('https://x:token-of-the-clone@host/'), 'https://x:[redacted]@host/')
  assert.equal(redact('correct horse'), 'correct horse')
  assert.equal(redact(''), '')
})

test('what encodes a secret is taken out: base64 at every place of a text, in lines, percent, hexadecimal, JSON', () => {
  const { redact } = createRedactor([password])
  const encode = (text: string) => Buffer.from(text).toString('base64')
  for (const before of ['', 'u', 'us', 'usr', 'user:']) {
    for (const after of ['', '\n', 'xy', 'xyz']) {
      const encoded = encode(`${before}${password}${after}`)
      const left = redact(encoded).replace('[redacted]', '')
      assert.ok(
        left.length <= encode(before).length + encode(after).length + 4,
        `${before} ${after}: ${redact(encoded)}`
      )
      assert.notEqual(redact(encoded), encoded)
    }
  }
  assert.equal(redact(Buffer.from(password).toString('hex')), '[redacted]')
  assert.equal(redact(`x=${encodeURIComponent(password)}&y`), 'x=[redacted]&y')
  assert.equal(
    createRedactor(['say "what"\tnow']).redact(JSON.stringify({ a: 'say "what"\tnow' })),
    '{"a":"[redacted]"}'
  )
  const key = Buffer.from(Array.from({ length: 300 }, (_, i) => (i * 7) % 251))
  const wrapped = key.toString('base64').match(/.{1,76}/g) ?? []
  const { redact: redactKey } = createRedactor([key])
  for (const line of wrapped) assert.equal(redactKey(line), '[redacted]')
})

test('each line of a secret with several goes, for a log is written line by line', () => {
  const pem = '-----BEGIN KEY-----\nAAAABBBBCCCC\r\nDDDDEEEE\n-----END KEY-----\n'
  const { redact } = createRedactor([pem])
  assert.equal(redact('> DDDDEEEE'), '> [redacted]')
  assert.equal(redact(`is ${Buffer.from('AAAABBBBCCCC').toString('base64')}`), 'is [redacted]')
})

test('words that are too short to be secrets stay readable', () => {
  const { redact } = createRedactor(['true', '1', '', 'dev', '\n\n', 'a\nb\nc'])
  assert.equal(redact('true 1 dev a b'), 'true 1 dev a b')
})

test('of two secrets the longer one goes as a whole', () => {
  const { redact } = createRedactor(['abcdefgh', 'abcdefgh-and-more'])
  assert.equal(redact('abcdefgh-and-more'), '[redacted]')
  assert.equal(redact('abcdefgh-and'), '[redacted]-and')
})

test('where a line was cut, the part of a secret that is left goes as well', () => {
  const { redactPiece } = createRedactor(['0123456789abcdef'])
  assert.equal(redactPiece('x 01234567', { start: false, end: true }), 'x [redacted]')
  assert.equal(redactPiece('89abcdef y', { start: true, end: false }), '[redacted] y')
  assert.equal(redactPiece('x 01234567', { start: false, end: false }), 'x 01234567')
  assert.equal(redactPiece('x 012', { start: false, end: true }), 'x 012')
})

test('before the mark of a cut the part of a secret goes too, on every line', () => {
  const { redact } = createRedactor(['0123456789abcdef'])
  assert.equal(redact('x 0123456789 […]'), 'x [redacted] […]')
  assert.equal(redact('first 01234567…\nsecond 01234567\nx…'), 'first [redacted]…\nsecond 01234567\nx…')
})

test('a failure keeps everything but the secret, and loses the cause that may repeat it', () => {
  const location = { path: 'stack.yml', line: 1, column: 1 }
  const cause = new Error('hunter2hunter2')
  const err = new Failure('not-ready', 'it printed hunter2hunter2', { location, cause })
  const told = redactFailure(err, createRedactor(['hunter2hunter2'])) as Failure
  assert.deepEqual(
    [told.code, told.message, told.location, told.cause],
    ['not-ready', 'it printed [redacted]', location, undefined]
  )
  assert.equal(redactFailure(err, createRedactor(['another'])), err)
  assert.equal(redactFailure(cause, createRedactor(['hunter2hunter2'])), cause)
})

test('a megabyte of secrets and ten of log take seconds at most', () => {
  const redactor = createRedactor()
  for (let i = 0; i < 200; i++) redactor.add(Buffer.from(`secret ${i} `.repeat(400)))
  const line = 'npm warn deprecated something@1.2.3: this is a usual line of a log, of a hundred characters or so'
  const startedAt = performance.now()
  for (let i = 0; i < 100_000; i++) assert.equal(redactor.redact(line), line)
  assert.ok(performance.now() - startedAt < 10_000)
})
