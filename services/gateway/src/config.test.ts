import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain/failure'
import { readConfig } from './config.ts'

test('an empty environment listens on loopback only and trusts nobody', () => {
  const config = readConfig({ GATEWAY_PORT: '', DATABASE_URL: '' })
  assert.equal(config.GATEWAY_HOST, '127.0.0.1')
  assert.equal(config.GATEWAY_PORT, 8080)
  assert.equal(config.TRUSTED_PROXIES, '')
  assert.equal(config.DATABASE_URL, null)
  assert.ok(config.SLIPWAY_HOME.endsWith('/.slipway'))
})

test('every bad setting is named at once, and no value is told', () => {
  const bad = {
    GATEWAY_PORT: '65536',
    BODY_LIMIT_BYTES: '-1',
    STOP_GRACE_MS: '1e3',
    HEAD_TIMEOUT_MS: '10.5',
    GATEWAY_REUSE_PORT: 'yes',
    FUNCTIONS_DOMAIN: 'Example.org.',
    REDIS_URL: 'http://:geheim@redis',
    DATABASE_URL: 'mysql://:geheim@db',
    LOG_LEVEL: 'loud',
    QUEUE_PREFIX: 'a b'
  }
  assert.throws(
    () => readConfig(bad),
    (err) => {
      assert.ok(err instanceof Failure && err.code === 'invalid-configuration')
      for (const name of Object.keys(bad)) assert.match(err.message, new RegExp(`^ {2}${name} must `, 'm'))
      assert.doesNotMatch(err.message, /geheim|65536/)
      return true
    }
  )
})
