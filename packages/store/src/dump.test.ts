import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { dumpContract } from './contract/dump.ts'
import { failure } from './contract/subject.ts'
import { dumpStore } from './dump.ts'
import { restoreStore } from './restore.ts'

const sqlite = {
  async empty(t: TestContext) {
    const directory = mkdtempSync(join(tmpdir(), 'slipway-dump-'))
    t.after(() => rmSync(directory, { recursive: true }))
    return { url: null, file: join(directory, 'store.sqlite') }
  }
}

dumpContract('sqlite to sqlite', sqlite, sqlite)

test('where there is no database there is nothing to dump, and none is made', async (t) => {
  const { file } = await sqlite.empty(t)
  await assert.rejects(
    Array.fromAsync(dumpStore({ url: null, file })),
    failure('not-found', /nothing was ever started/)
  )
  assert.deepEqual(readdirSync(join(file, '..')), [])
})

test('a restore that failed leaves no half of a database behind', async (t) => {
  const { file } = await sqlite.empty(t)
  async function* broken(): AsyncGenerator<string> {
    yield JSON.stringify({ slipwayDump: 1, migrations: ['0001-system-of-record'] })
    throw new Error('the disk was taken out')
  }
  await assert.rejects(restoreStore({ url: null, file }, broken(), { force: false, dumpedAt: 0, now: 0 }), /taken out/)
  assert.deepEqual(readdirSync(join(file, '..')), [])
})
