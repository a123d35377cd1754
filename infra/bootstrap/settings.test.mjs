import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { settingsOf } from './settings.mjs'

test('the settings file says what is configured; without one nothing is', (t) => {
  const home = mkdtempSync(join(tmpdir(), 'slipway-home-'))
  t.after(() => rmSync(home, { recursive: true }))
  assert.deepEqual(settingsOf(home, {}), {})
  writeFileSync(join(home, 'slipway.env'), 'REDIS_URL=redis://elsewhere\n')
  assert.equal(settingsOf(home, {}).REDIS_URL, 'redis://elsewhere')
  assert.deepEqual(settingsOf(home, { SLIPWAY_CONFIG: join(home, 'other.env') }), {})
})
