import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createMachine } from './machine.fixture.mjs'
import { endRunning, findProgram, run, runInForeground } from './processes.mjs'

test('a program that takes too long is told to end, with all that it started', async () => {
  const start = Date.now()
  const { code, signal, output } = await run('sh', ['-c', 'sleep 60 & echo begun; wait'], { timeoutMs: 200 })
  assert.deepEqual({ code, signal }, { code: 1, signal: 'SIGTERM' })
  assert.match(output, /^begun\n\ntold to end: it took longer than 0\.2 s/)
  assert.ok(Date.now() - start < 10_000)
})

test('what runs is ended when we are', async () => {
  const result = run('sh', ['-c', 'sleep 60'])
  await endRunning()
  assert.equal((await result).signal, 'SIGTERM')
})

test('a program that does not exist is an error, not a hang', async () => {
  await assert.rejects(run('no-such-program', []), /ENOENT/)
})

test('an exit code is passed on, and a signal as the shell would tell it', async () => {
  assert.equal(await runInForeground('sh', ['-c', 'exit 7']), 7)
  assert.equal(await runInForeground('sh', ['-c', 'kill -KILL $$']), 137)
})

test('a program is found in PATH before other directories, and only when it can be executed', (t) => {
  const { bin, install } = createMachine(t, { programs: { sh: '' } })
  assert.equal(findProgram(['no-such-program', 'sh'], bin, ['/bin']), join(bin, 'sh'))
  install('other', '')
  assert.equal(findProgram('other', '', [bin]), join(bin, 'other'))
  assert.equal(findProgram('no-such-program', bin, ['/bin']), null)
})
