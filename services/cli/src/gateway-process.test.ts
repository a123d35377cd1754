import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gatewaySettings } from '@slipway/gateway/config'
import { gatewayEnv } from './gateway-process.ts'

test('each setting of the gateway reaches it, but for how long it may take to stop, and nothing of the others', () => {
  const names = Object.keys(gatewaySettings)
  const given = gatewayEnv({
    ...Object.fromEntries(names.map((name) => [name, 'x'])),
    PATH: '/bin',
    GITHUB_PRIVATE_KEY: 'secret',
    REGISTRY_PASSWORD: 'secret'
  })
  const wanted = [...names.filter((name) => name !== 'STOP_GRACE_MS'), 'PATH', 'SLIPWAY_CONFIG']
  assert.deepEqual(Object.keys(given).sort(), wanted.sort())
})

test('a setting of the gateway may be in a file, and one that is empty is not set', () => {
  const given = gatewayEnv({
    OTEL_EXPORTER_OTLP_HEADERS_FILE: '/run/headers',
    DATABASE_URL: '',
    DATABASE_URL_FILE: undefined,
    GITHUB_PRIVATE_KEY_FILE: '/run/key'
  })
  assert.deepEqual(given, { OTEL_EXPORTER_OTLP_HEADERS_FILE: '/run/headers', SLIPWAY_CONFIG: '/dev/null' })
})
