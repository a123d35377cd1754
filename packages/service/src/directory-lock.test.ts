import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Failure } from '@slipway/domain'
import { lockDirectory } from './directory-lock.ts'

test('a directory is locked once, and again after its release', async (t) => {
  const directory = await directoryFor(t)
  const lock = await lockDirectory(directory)
  await assert.rejects(
    lockDirectory(directory),
    (err) => err instanceof Failure && err.code === 'conflict' && err.message.includes(`process ${process.pid}`)
  )
  await lock.release()
  await lock.release() // a second time does nothing
  await (await lockDirectory(directory)).release()
  assert.deepEqual(await readdir(directory), [])
})

test('the lock of a process that was killed is taken over', async (t) => {
  const directory = await directoryFor(t)
  const script = `
    import { lockDirectory } from ${JSON.stringify(import.meta.resolve('./directory-lock.ts'))}
    await lockDirectory(${JSON.stringify(directory)})
    console.log('locked')
    setInterval(() => {}, 1000)
  `
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => other.kill('SIGKILL'))
  await new Promise((resolve) => other.stdout.once('data', resolve))
  await assert.rejects(lockDirectory(directory), new RegExp(`process ${other.pid}`))
  other.kill('SIGKILL')
  await new Promise((resolve) => other.once('exit', resolve))
  await (await lockDirectory(directory)).release()
})

test('a process number that is used again by another program does not keep the lock', async (t) => {
  const directory = await directoryFor(t)
  await writeFile(join(directory, 'lock'), JSON.stringify({ pid: process.pid, startedAt: '1' }))
  await (await lockDirectory(directory)).release()
})

test('what a process left that was killed while it took the lock is removed after a while', async (t) => {
  const directory = await directoryFor(t)
  const [old, young] = [randomUUID(), randomUUID()].map((id) => join(directory, `lock.${id}`))
  assert.ok(old !== undefined && young !== undefined)
  for (const file of [old, young]) await writeFile(file, '{}')
  const before = new Date(Date.now() - 61_000)
  await utimes(old, before, before)
  await (await lockDirectory(directory)).release()
  assert.deepEqual(await readdir(directory), [basename(young)])
})

test('a lock file that is none is replaced', async (t) => {
  const directory = await directoryFor(t)
  await writeFile(join(directory, 'lock'), 'half a l')
  await (await lockDirectory(directory)).release()
})

test('of many that come at once over a stale lock one gets it', async (t) => {
  const directory = await directoryFor(t)
  await writeFile(join(directory, 'lock'), JSON.stringify({ pid: process.pid, startedAt: '1' }))
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => lockDirectory(directory)))
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const result of results) if (result.status === 'rejected') assert.ok(result.reason instanceof Failure)
})

test('a process of another machine that shares the directory is told with its machine', async (t) => {
  const directory = await directoryFor(t)
  const lock = { host: 'other.test', pid: 7, startedAt: null }
  await writeFile(join(directory, 'lock'), JSON.stringify(lock))
  await assert.rejects(lockDirectory(directory), {
    code: 'conflict',
    message: /^process 7 on other\.test already works/
  })
})

async function directoryFor(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-lock-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}
