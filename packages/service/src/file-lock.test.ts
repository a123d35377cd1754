import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { lockHolder, tryLock, waitForLock } from './file-lock.ts'

function aFile(t: TestContext): { directory: string; file: string } {
  const directory = mkdtempSync(join(tmpdir(), 'lock-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return { directory, file: join(directory, 'x.lock') }
}

test('one at a time, and nothing is left when all are done', async (t) => {
  const { directory, file } = aFile(t)
  let inside = 0
  let most = 0
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      await using _lock = await waitForLock(file, new AbortController().signal)
      most = Math.max(most, ++inside)
      await new Promise((resolve) => setTimeout(resolve, 5))
      inside--
    })
  )
  assert.equal(most, 1)
  assert.deepEqual(readdirSync(directory), [])
})

test('a lock that is held is not to be had, and waiting for it ends with the signal', async (t) => {
  const { file } = aFile(t)
  await using _lock = await tryLock(file)
  assert.equal(await tryLock(file), null)
  assert.equal((await lockHolder(file))?.pid, process.pid)
  const reason = new Error('enough')
  const abort = new AbortController()
  setTimeout(() => abort.abort(reason), 50)
  await assert.rejects(waitForLock(file, abort.signal), (err) => err === reason)
})

test('the lock of a process that was killed is taken over at once', async (t) => {
  const { file } = aFile(t)
  const program = `
    import { tryLock } from ${JSON.stringify(import.meta.resolve('./file-lock.ts'))}
    console.log((await tryLock(${JSON.stringify(file)})) !== null)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  assert.equal(line.toString(), 'true\n')
  assert.equal(await tryLock(file), null)
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.ok(existsSync(file))
  await using lock = await tryLock(file)
  assert.ok(lock !== null)
})

test('a lock of another machine counts until nothing was heard of it for 30 seconds', async (t) => {
  const { file } = aFile(t)
  writeFileSync(file, JSON.stringify({ token: 't', host: `not-${hostname()}`, pid: 1, startedAt: null }))
  assert.equal(await tryLock(file), null)
  const past = new Date(Date.now() - 31_000)
  utimesSync(file, past, past)
  await using lock = await tryLock(file)
  assert.ok(lock !== null)
})

test('the process number of a holder that is gone may be used again by another process', async (t) => {
  const { file } = aFile(t)
  writeFileSync(file, JSON.stringify({ token: 't', host: hostname(), pid: process.pid, startedAt: '1' }))
  await using lock = await tryLock(file)
  assert.ok(lock !== null)
})

test('of many that come at once over a stale lock one gets it, again and again', async (t) => {
  const { directory, file } = aFile(t)
  for (let round = 0; round < 20; round++) {
    writeFileSync(file, JSON.stringify({ host: hostname(), pid: process.pid, startedAt: '1' }))
    const locks = await Promise.all(Array.from({ length: 20 }, () => tryLock(file)))
    const held = locks.filter((lock) => lock !== null)
    assert.equal(held.length, 1)
    await held[0]?.release()
  }
  assert.deepEqual(readdirSync(directory), [])
})

test('a lock as the version before wrote it, without its machine, is of this one', async (t) => {
  const { file } = aFile(t)
  writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: null }))
  assert.equal(await tryLock(file), null)
})
