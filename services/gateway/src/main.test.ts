import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('main.ts', import.meta.url))

/** Starts with a configuration that is refused: everything that is imported is loaded by then. */
function startRefused(
  args: string[],
  env: Record<string, string> = { GATEWAY_PORT: 'x' }
): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...args, main], { env }, (err, stdout, stderr) => {
      resolve({ code: err?.code, stdout, stderr })
    })
  })
}

test('a bad setting ends the process with the setting’s name and nothing else', async () => {
  const { code, stderr } = await startRefused([])
  assert.equal(code, 1)
  assert.equal(stderr, 'the configuration is not valid:\n  GATEWAY_PORT must be an integer of 0 to 65535\n')
})

test('a level of logging that is none is told like other bad settings, and an empty one is not set', async () => {
  const { stderr } = await startRefused([], { LOG_LEVEL: 'loud' })
  assert.match(stderr, /^the configuration is not valid:\n {2}LOG_LEVEL must be one of fatal, /)
  const { stderr: other } = await startRefused([], { LOG_LEVEL: '', GATEWAY_PORT: 'x' })
  assert.equal(other, 'the configuration is not valid:\n  GATEWAY_PORT must be an integer of 0 to 65535\n')
})

test('settings are taken from the file, too', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-gateway-'))
  t.after(() => rm(directory, { recursive: true }))
  const file = join(directory, 'slipway.env')
  await writeFile(file, 'IN_FLIGHT_LIMIT=none\n')
  const { code, stderr } = await startRefused([], { SLIPWAY_CONFIG: file })
  assert.equal(code, 1)
  assert.match(stderr, /IN_FLIGHT_LIMIT must be an integer of 1 to 1000000/)
})

test('the process loads nothing that traffic does not need', async () => {
  const listing = `import { registerHooks } from 'node:module'
    registerHooks({ load: (url, context, next) => { console.log(url); return next(url, context) } })`
  const { stdout } = await startRefused(['--import', `data:text/javascript,${encodeURIComponent(listing)}`])
  assert.match(stdout, /\/undici\//, 'the listing works')
  const heavy = /\/node_modules\/(typebox|kysely|pg|fastify|bullmq|dockerode|@octokit|@gitbeaker)\//
  assert.deepEqual(
    stdout.split('\n').filter((url) => heavy.test(url)),
    []
  )
})
