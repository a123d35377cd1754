import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = join(dirname(fileURLToPath(import.meta.url)), 'main.mjs')

test('the command line is about the directory where npm was called, not about this repository', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-called-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const env = { ...process.env, INIT_CWD: directory, NODE_TEST_CONTEXT: undefined }
  execFileSync(process.execPath, [main, 'slipway', 'init', 'called'], { cwd: dirname(main), env, stdio: 'pipe' })
  assert.ok(existsSync(join(directory, 'called', 'handler.js')))
})
