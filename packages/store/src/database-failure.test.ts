import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { isConflict, translate } from './database-failure.ts'

function errorOf(fields: object, message = 'words of a driver'): Error {
  return Object.assign(new Error(message), fields)
}

function codeOf(err: unknown): string | null {
  const translated = translate(err)
  return translated instanceof Failure ? translated.code : null
}

test('a database that cannot be used now is unavailable, with the cause kept', () => {
  const away: Error[] = [
    errorOf({ code: 'ECONNREFUSED' }),
    errorOf({ code: 'ECONNRESET' }),
    errorOf({}, 'timeout exceeded when trying to connect'),
    errorOf({}, 'Connection terminated unexpectedly'),
    errorOf({}, 'Query read timeout'),
    errorOf({ code: '57P01' }),
    errorOf({ code: '57014' }),
    errorOf({ code: '53300' }),
    errorOf({ code: '40P01' }),
    errorOf({ code: 'ERR_SQLITE_ERROR', errcode: 5 }),
    errorOf({ code: 'ERR_SQLITE_ERROR', errcode: 13 }),
    errorOf({ code: 'ERR_SQLITE_ERROR', errcode: 10 | (3 << 8) })
  ]
  for (const err of away) {
    const translated = translate(err)
    assert.ok(translated instanceof Failure, err.message)
    assert.equal(translated.code, 'unavailable')
    assert.equal(translated.cause, err)
  }
})

test('a database that refuses us is a matter of configuration', () => {
  for (const code of ['28P01', '28000', '3D000', '42501'])
    assert.equal(codeOf(errorOf({ code })), 'invalid-configuration')
})

test('a connection that TLS refuses is a matter of configuration', () => {
  const refused = [
    errorOf({}, 'The server does not support SSL connections'),
    errorOf({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
    errorOf({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }),
    errorOf({ code: 'CERT_HAS_EXPIRED' }),
    errorOf({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' }),
    errorOf({ code: 'ERR_SSL_WRONG_VERSION_NUMBER' })
  ]
  for (const err of refused) assert.equal(codeOf(err), 'invalid-configuration', err.message)
})

test('an address that is none is told without it, for a password is in it', () => {
  const translated = translate(
    errorOf({ code: 'ERR_INVALID_URL', input: 'postgres://u:very-secret@h:x/' }, 'Invalid URL')
  )
  assert.ok(translated instanceof Failure)
  assert.equal(translated.code, 'invalid-configuration')
  assert.equal(translated.cause, undefined)
})

test('what is a bug stays what it is', () => {
  const bugs: unknown[] = [
    errorOf({ code: '23503' }),
    errorOf({ code: '42P01' }),
    errorOf({ code: 'ERR_SQLITE_ERROR', errcode: 1 }),
    errorOf({ code: 'ERR_SQLITE_ERROR', errcode: 787 }),
    new TypeError('x is undefined'),
    'text'
  ]
  for (const bug of bugs) assert.equal(translate(bug), bug)
  const failure = new Failure('not-found', 'there is no build')
  assert.equal(translate(failure), failure)
})

test('transactions that stood in each other way are done again, others are not', () => {
  for (const code of ['40001', '40P01', '23505']) assert.ok(isConflict(errorOf({ code })), code)
  for (const code of ['23503', '57014', 'ECONNREFUSED']) assert.ok(!isConflict(errorOf({ code })), code)
})
