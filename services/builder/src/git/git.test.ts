import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createGit, GitRefusal } from './git.ts'

const signal = new AbortController().signal

/** Runs this shell script in git's place. */
function instead(t: TestContext, script: string) {
  const directory = mkdtempSync(join(tmpdir(), 'git-'))
  t.after(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, 'git'), `#!/bin/sh\n${script}\n`)
  chmodSync(join(directory, 'git'), 0o755)
  const environment = { PATH: `${directory}:/usr/bin:/bin` }
  const git = createGit({ home: directory, protocols: ['https'], environment, timeoutMs: 5000 })
  return { directory, run: (args: string[]) => git({ args, directory }, signal) }
}

test('a git that was killed half-way has not done its work', async (t) => {
  const { run } = instead(t, 'echo half; kill -KILL $$')
  await assert.rejects(run(['ls-tree', 'x']), (err) => err instanceof GitRefusal && /killed/.test(err.message))
})

test('a git that fails without a word has failed', async (t) => {
  const { run } = instead(t, 'echo half; exit 3')
  await assert.rejects(run(['ls-tree', 'x']), (err) => err instanceof GitRefusal && /exit code 3/.test(err.message))
})

test('a git that complains and succeeds has succeeded', async (t) => {
  const { run } = instead(t, 'echo warning >&2; echo done')
  assert.equal(await run(['ls-tree', 'x']), 'done\n')
})

test('git gets the environment that was chosen for it and nothing of ours', async (t) => {
  process.env.SLIPWAY_TEST_SECRET = 'x'
  t.after(() => delete process.env.SLIPWAY_TEST_SECRET)
  const { run, directory } = instead(t, 'env')
  const environment = (await run(['version'])).trim().split('\n')
  assert.ok(environment.includes(`HOME=${directory}`))
  assert.ok(environment.includes('GIT_TERMINAL_PROMPT=0'))
  assert.ok(environment.includes('GIT_CONFIG_NOSYSTEM=1'))
  assert.ok(environment.includes('GIT_ALLOW_PROTOCOL=https'))
  assert.ok(!environment.some((line) => line.startsWith('SLIPWAY_TEST_SECRET') || line.startsWith('SLIPWAY_GIT_PASS')))
})

test('a machine without git is told as such', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'git-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const git = createGit({ home: directory, protocols: ['https'], environment: { PATH: directory }, timeoutMs: 5000 })
  await assert.rejects(git({ args: ['version'], directory }, signal), /spawn git ENOENT/)
})
