import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import Type from 'typebox'
import { loadConfig } from './config.ts'

const schema = Type.Object({
  PORT: Type.Integer({ default: 8080, minimum: 1 }),
  SECRET: Type.String({ minLength: 16 }),
  URL: Type.Optional(Type.String({ pattern: '^https?://' }))
})

test('defaults, numbers and empty variables are understood', () => {
  assert.deepEqual(loadConfig(schema, { PORT: '9000', SECRET: 'x'.repeat(16), URL: '', OTHER: 'y' }), {
    PORT: 9000,
    SECRET: 'x'.repeat(16)
  })
  assert.equal(loadConfig(schema, { SECRET: 'x'.repeat(16) }).PORT, 8080)
})

test('every bad variable is named, and none of the values', () => {
  assert.throws(
    () => loadConfig(schema, { PORT: 'abc', SECRET: 'hunter2', URL: 'ftp://secret' }),
    (err) => {
      assert.ok(err instanceof Failure && err.code === 'invalid-configuration')
      for (const name of ['PORT', 'SECRET', 'URL']) assert.match(err.message, new RegExp(name))
      for (const value of ['abc', 'hunter2', 'ftp']) assert.doesNotMatch(err.message, new RegExp(value))
      return true
    }
  )
})

test('a variable that must be set is asked for by its name', () => {
  assert.throws(() => loadConfig(schema, {}), /SECRET must be set/)
})
