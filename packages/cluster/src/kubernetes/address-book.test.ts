import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAddressBook } from './address-book.ts'
import { sliceOf } from './slice.fixture.ts'

const nobody = { owner: null, isCertain: false }

test('an address is of the owner whose function has a pod there, also of one that is not ready', () => {
  const book = createAddressBook()
  book.put(sliceOf('alice', 'hello', [{ address: '10.0.0.1' }, { address: '10.0.0.2', ready: false }]))
  assert.deepEqual(book.look('10.0.0.1'), { owner: 'alice', isCertain: true })
  assert.deepEqual(book.look('10.0.0.2'), { owner: 'alice', isCertain: true })
  assert.deepEqual(book.look('10.0.0.3'), nobody)
})

test('an address that another owner has got from a pod that ends is the other owner’s', () => {
  const book = createAddressBook()
  book.put(sliceOf('alice', 'hello', [{ address: '10.0.0.1', terminating: true }]))
  assert.deepEqual(book.look('10.0.0.1'), { owner: 'alice', isCertain: false })
  book.put(sliceOf('bob', 'hello', [{ address: '10.0.0.1', ready: false }]))
  assert.deepEqual(book.look('10.0.0.1'), { owner: 'bob', isCertain: true })
  book.remove(sliceOf('alice', 'hello', []))
  assert.deepEqual(book.look('10.0.0.1'), { owner: 'bob', isCertain: true })
})

test('an address that pods of two owners have is nobody’s', () => {
  const book = createAddressBook()
  for (const owner of ['alice', 'bob']) book.put(sliceOf(owner, 'hello', [{ address: '10.0.0.1' }]))
  assert.deepEqual(book.look('10.0.0.1'), nobody)
  for (const owner of ['alice', 'bob']) book.put(sliceOf(owner, 'hello', [{ address: '10.0.0.1', terminating: true }]))
  assert.deepEqual(book.look('10.0.0.1'), nobody)
})

test('what a slice does not lead to any more is nobody’s, and what all slices say takes the place of what was known', () => {
  const book = createAddressBook()
  book.put(sliceOf('alice', 'hello', [{ address: '10.0.0.1' }, { address: '10.0.0.2' }]))
  book.put(sliceOf('alice', 'other', [{ address: '10.0.0.2' }]))
  book.put(sliceOf('alice', 'hello', []))
  assert.deepEqual(book.look('10.0.0.1'), nobody)
  assert.deepEqual(book.look('10.0.0.2'), { owner: 'alice', isCertain: true })
  book.replace([sliceOf('bob', 'hello', [{ address: '10.0.0.3' }])])
  assert.deepEqual(book.look('10.0.0.2'), nobody)
  assert.deepEqual(book.look('10.0.0.3'), { owner: 'bob', isCertain: true })
})

test('a slice outside of its owner’s namespace, and an address that is no pod’s, are not believed', () => {
  const book = createAddressBook()
  book.put(sliceOf('alice', 'hello', [{ address: '10.0.0.1' }], { namespace: 'slipway-bob' }))
  const slice = sliceOf('alice', 'by-hand', [])
  slice.endpoints = [{ addresses: ['10.0.0.2'] }]
  book.put(slice)
  assert.deepEqual([book.look('10.0.0.1'), book.look('10.0.0.2')], [nobody, nobody])
})
