import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, type TestContext } from 'node:test'
import { startPostgres } from '@slipway/testing'
import { dumpContract } from './contract/dump.ts'

let postgres: Awaited<ReturnType<typeof startPostgres>>
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.stop())

const onPostgres = { empty: async () => ({ url: await postgres.makeDatabase(), file: '' }) }
const sqlite = {
  async empty(t: TestContext) {
    const directory = mkdtempSync(join(tmpdir(), 'slipway-dump-'))
    t.after(() => rmSync(directory, { recursive: true }))
    return { url: null, file: join(directory, 'store.sqlite') }
  }
}

dumpContract('postgres to postgres', onPostgres, onPostgres)
dumpContract('sqlite to postgres', sqlite, onPostgres)
dumpContract('postgres to sqlite', onPostgres, sqlite)
