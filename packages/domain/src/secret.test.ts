import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertSecretValues, isSecretKey, isSecretName, secretNameOf } from './secret.ts'

test('a set is named with or without its owner, and never by a part of another owner', () => {
  assert.equal(secretNameOf('alex', 'db'), 'db')
  assert.equal(secretNameOf('alex', 'alex-db'), 'db')
  assert.equal(secretNameOf('alex', 'alexellis-x'), 'alexellis-x')
  assert.equal(secretNameOf('alex', 'alex-'), 'alex-')
  assert.equal(secretNameOf('alex', 'alex'), 'alex')
  assert.equal(secretNameOf('alex', 'alex-alex-db'), 'alex-db')
})

test('names and keys that would leave the directory or the engine are refused', () => {
  for (const name of ['', 'A', '-x', 'x-', 'a/b', '../x', 'x'.repeat(64), 'a b', 'ä']) {
    assert.equal(isSecretName(name), false, name)
  }
  for (const key of ['', '.', '..', '..data', 'a/b', 'a\0', 'x'.repeat(254), 'a b', '\n']) {
    assert.equal(isSecretKey(key), false, key)
  }
  assert.ok(['db', 'a.b_c-1', 'x'.repeat(63)].every(isSecretName))
  assert.ok(['tls.crt', '.npmrc', 'API_KEY', '-'].every(isSecretKey))
})

test('a set without values, with too many or with too much is refused with the number', () => {
  const values = (count: number, bytes: number) =>
    new Map(Array.from({ length: count }, (_, i) => [`k${i}`, Buffer.alloc(bytes)]))
  assert.doesNotThrow(() => assertSecretValues('db', values(100, 10_000)))
  assert.throws(() => assertSecretValues('db', new Map()), { code: 'invalid-request' })
  assert.throws(() => assertSecretValues('db', values(101, 1)), { code: 'limit-exceeded', message: /101 keys/ })
  assert.throws(() => assertSecretValues('db', values(2, 600_000)), {
    code: 'limit-exceeded',
    message: /1200000 bytes/
  })
  assert.throws(() => assertSecretValues('db', new Map([['../x', Buffer.alloc(1)]])), { code: 'invalid-request' })
})
