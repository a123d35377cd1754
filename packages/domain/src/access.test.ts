import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFunctionKey, type KnownKey, opens } from './access.ts'

const key: KnownKey = { hash: '', ownerId: 'alice', isOwn: false, functionName: null, expiresAt: null }
const hello = { ownerId: 'alice', functionName: 'hello', access: 'token' } as const

test('a key opens functions of its own owner that ask for one, and no others', () => {
  assert.equal(opens(key, hello, 0), true)
  assert.equal(opens(key, { ...hello, ownerId: 'bob' }, 0), false)
  assert.equal(opens(key, { ...hello, access: 'owner' }, 0), false)
  assert.equal(opens({ ...key, isOwn: true }, { ...hello, access: 'owner' }, 0), true)
})

test('a key for one function opens that one, and one that has expired none', () => {
  assert.equal(opens({ ...key, functionName: 'hello' }, hello, 0), true)
  assert.equal(opens({ ...key, functionName: 'other' }, hello, 0), false)
  assert.equal(opens({ ...key, expiresAt: 10 }, hello, 9), true)
  assert.equal(opens({ ...key, expiresAt: 10 }, hello, 10), false)
})

test('only what looks like a key is taken for one', () => {
  assert.equal(isFunctionKey(`slf_${'a'.repeat(43)}`), true)
  for (const text of ['', 'slf_', `slw_${'a'.repeat(43)}`, `slf_${'a'.repeat(44)}`, `slf_${'.'.repeat(43)}`]) {
    assert.equal(isFunctionKey(text), false, text)
  }
})
