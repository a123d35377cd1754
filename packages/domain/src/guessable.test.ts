import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { isGuessable } from './guessable.ts'

test('what stands in examples, repeats itself or counts is guessed', () => {
  for (const secret of [
    'changeme',
    'ChangeMe-changeme-1234',
    'CHANGE_ME_PLEASE_CHANGE_ME',
    'your-webhook-secret-here',
    'my super secret token 2026',
    'password123456789',
    'x'.repeat(40),
    'abababababababab',
    '0123456789abcdef',
    'abcdefghijklmnopqrstuvwxyz',
    '98765432109876543210'
  ]) {
    assert.ok(isGuessable(secret), secret)
  }
})

test('what is random is taken, in every notation', () => {
  for (let i = 0; i < 2000; i++) {
    const bytes = createHash('sha256').update(String(i)).digest()
    for (const notation of ['hex', 'base64', 'base64url'] as const) {
      assert.ok(!isGuessable(bytes.subarray(0, 10).toString(notation)))
      assert.ok(!isGuessable(`slw_${bytes.toString(notation)}`))
    }
  }
  assert.ok(!isGuessable(randomBytes(32).toString('base64')))
  assert.ok(!isGuessable('correct horse battery staple'))
})
