import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { failure } from './contract/subject.ts'
import { createStore } from './store.ts'

const run = promisify(execFile)

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-store-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

test('a writer waits for another process without stopping its own event loop', async (t) => {
  const file = join(temporary(t), 'slipway.db')
  const store = await createStore({ url: null, file })
  t.after(() => store.close())
  const other = new DatabaseSync(file)
  t.after(() => other.close())
  other.exec('begin immediate')
  let ticks = 0
  const timer = setInterval(() => {
    ticks += 1
    if (ticks === 6) other.exec('commit')
  }, 10)
  await store.settings.set('key', 'value')
  clearInterval(timer)
  assert.ok(ticks > 5, `the event loop went round ${ticks} times`)
  assert.equal(await store.settings.get('key'), 'value')
})

test('several processes that start at once on no file at all make one database', async (t) => {
  const file = join(temporary(t), 'deep', 'er', 'slipway.db')
  const script = `
    const { createStore } = await import(${JSON.stringify(new URL('store.ts', import.meta.url).href)})
    const store = await createStore({ url: null, file: ${JSON.stringify(file)} })
    for (let i = 0; i < 25; i++) await store.audit.append({ at: i, actor: 'a', action: 'b', ownerId: null, resource: 'c', detail: {} })
    await store.close()`
  await Promise.all(Array.from({ length: 4 }, () => run(process.execPath, ['--input-type=module', '--eval', script])))
  const store = await createStore({ url: null, file })
  t.after(() => store.close())
  assert.equal((await store.audit.list(null, { before: null, limit: 1000 })).length, 100)
})

test('what was recorded survives a process that is killed in the middle of its work', async (t) => {
  const file = join(temporary(t), 'slipway.db')
  const script = `
    const { createStore } = await import(${JSON.stringify(new URL('store.ts', import.meta.url).href)})
    const store = await createStore({ url: null, file: ${JSON.stringify(file)} })
    for (let i = 0; ; i++) {
      await store.settings.set('last', String(i))
      process.stdout.write(i + '\\n')
      if (i === 20) { void store.settings.set('last', '21'); process.kill(process.pid, 'SIGKILL') }
    }`
  const killed = await run(process.execPath, ['--input-type=module', '--eval', script]).catch(
    (err: { stdout: string; signal: string }) => err
  )
  assert.equal('signal' in killed && killed.signal, 'SIGKILL')
  const acknowledged = Number(killed.stdout.trim().split('\n').at(-1))
  const store = await createStore({ url: null, file })
  t.after(() => store.close())
  assert.ok(Number(await store.settings.get('last')) >= acknowledged)
})

test('nobody else may read the database, for it holds tokens', async (t) => {
  const file = join(temporary(t), 'slipway.db')
  const store = await createStore({ url: null, file })
  t.after(() => store.close())
  await store.settings.set('token', 'secret')
  for (const path of [file, `${file}-wal`]) assert.equal(statSync(path).mode & 0o077, 0, path)
})

test('a file that is no database, or a folder that cannot be made, is a failure that names it', async (t) => {
  const directory = temporary(t)
  const file = join(directory, 'text')
  writeFileSync(file, 'this is not a database, however long it may be. '.repeat(100))
  await assert.rejects(createStore({ url: null, file }), failure('unavailable', /not a SQLite database/))
  const below = join(file, 'slipway.db')
  await assert.rejects(createStore({ url: null, file: below }), failure('unavailable', /cannot be made \(E/))
  await assert.rejects(createStore({ url: null, file: directory }), failure('unavailable', /cannot be made \(EISDIR\)/))
})
