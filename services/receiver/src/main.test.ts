import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('main.ts', import.meta.url))

/** What it says of settings that it does not start with. */
function refusalOf(env: Record<string, string>): Promise<{ code: unknown; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main], { env }, (err, _stdout, stderr) => resolve({ code: err?.code, stderr }))
  })
}

test('a level of logging that is none is told like other bad settings, and an empty one is not set', async () => {
  const { code, stderr } = await refusalOf({ LOG_LEVEL: 'loud' })
  assert.equal(code, 1)
  assert.match(stderr, /^the configuration is not valid:\n {2}LOG_LEVEL must be one of fatal, /)
  const { stderr: other } = await refusalOf({ LOG_LEVEL: '', RECEIVER_PORT: 'x' })
  assert.equal(other, 'the configuration is not valid:\n  RECEIVER_PORT must be an integer of 0 to 65535\n')
})
