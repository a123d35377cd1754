import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { stateDirectory } from './state.mjs'

test('the state directory is made for this user alone', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'slipway-state-'))
  t.after(() => rmSync(root, { recursive: true }))
  const byLines = stateDirectory({ root, env: { SLIPWAY_HOME: 'lines' } })
  byLines.addLines('installations', ['mine'])
  const byJson = stateDirectory({ root, env: { SLIPWAY_HOME: 'json' } })
  byJson.writeJson('bases.json', {})
  for (const { home } of [byLines, byJson]) assert.equal(statSync(home).mode & 0o777, 0o700, home)
})
