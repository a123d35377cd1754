import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Failure } from './failure.ts'
import { clusterNameOf, imagePathOf, isDnsLabel, isValidSlug, slugOf } from './naming.ts'

test('a slug is the login as one DNS label', () => {
  assert.equal(slugOf('Alice_Smith.x'), 'alice-smith-x')
  assert.equal(slugOf('a'.repeat(50)), 'a'.repeat(30))
  assert.equal(slugOf('-_-'), null)
})

test('names of the platform are no slugs', () => {
  for (const name of ['api', 'system', 'openfaas-fn', 'kube-public', 'Gateway']) assert.equal(slugOf(name), null, name)
})

test('every slug that is given is a valid one', () => {
  fc.assert(
    fc.property(fc.string(), (login) => {
      const slug = slugOf(login)
      return slug === null || isValidSlug(slug)
    })
  )
})

test('function names that are no DNS label, reserved or too long are refused with the rule', () => {
  assert.equal(clusterNameOf('alice', 'hello-1'), 'alice-hello-1')
  const refused: [string, RegExp][] = [
    ['-x', /DNS label/],
    ['X', /DNS label.*, as "x"$/],
    ['1_Hello World_', /DNS label.*, as "hello-world"$/],
    ['ｈello', /DNS label/],
    ['1a', /DNS label/],
    ['system', /reserved/],
    ['a'.repeat(60), /too long/],
    ['a'.repeat(64), /DNS label/]
  ]
  for (const [name, message] of refused) {
    assert.throws(
      () => clusterNameOf('alice', name),
      (err) => err instanceof Failure && err.code === 'invalid-stack' && message.test(err.message),
      name
    )
  }
})

test('a cluster name is always one DNS label', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z][a-z0-9-]{0,40}$/), (name) => {
      try {
        return isDnsLabel(clusterNameOf('alice', name))
      } catch (err) {
        return err instanceof Failure
      }
    })
  )
})

test('an image path holds only what registries allow', () => {
  assert.equal(imagePathOf('alice', 'My_Shop..v2', 'hello', 'nested'), 'alice/my-shop-v2-hello')
  assert.equal(imagePathOf('alice', '___', 'hello', 'flat'), 'alice-repository-hello')
})
