import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { Failure } from '@slipway/domain'
import { createPostgresPool } from './postgres-pool.ts'
import type { StoreConfig } from './store.ts'

export type Row = Record<string, unknown>

/** A database as it was at one moment, however long it is read. */
export interface Snapshot {
  /** Names of tables, each with those that it refers to. */
  tables(): Promise<{ name: string; refersTo: string[] }[]>
  rows(table: string): AsyncIterable<Row> | Iterable<Row>
  close(): Promise<void>
}

/** Opens what may be written to meanwhile. @throws what the driver throws; Failure `not-found` when there is no database */
export function openSnapshot({ url, file }: StoreConfig): Promise<Snapshot> {
  return url === null ? openSqlite(file) : openPostgres(url)
}

/** SQLite's write-ahead log keeps what a reader has begun with. */
async function openSqlite(file: string): Promise<Snapshot> {
  if (!existsSync(file)) throw new Failure('not-found', `there is no database ${file}: nothing was ever started there`)
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
  database.exec('begin')
  const all = (sql: string, ...parameters: string[]) => database.prepare(sql).all(...parameters) as Row[]
  return {
    tables: async () =>
      all(`select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\'`).map(
        (row) => {
          const name = String(row.name)
          const keys = all('select distinct "table" as target from pragma_foreign_key_list(?)', name)
          return { name, refersTo: keys.map(({ target }) => String(target)) }
        }
      ),
    rows: (table) => database.prepare(`select * from "${table}"`).iterate() as IterableIterator<Row>,
    close: async () => database.close()
  }
}

const fetchSize = 500

async function openPostgres(url: string): Promise<Snapshot> {
  const pool = await createPostgresPool(url, { maxConnections: 1, statementTimeoutMs: 0 })
  const client = await pool.connect()
  const all = async (sql: string, parameters: string[] = []) => (await client.query(sql, parameters)).rows as Row[]
  // Whoever takes the rows may be slow.
  await all('set idle_in_transaction_session_timeout = 0')
  await all('begin isolation level repeatable read read only')
  return {
    async tables() {
      const names = await all('select tablename as name from pg_tables where schemaname = current_schema()')
      const keys = await all(
        `select conrelid::regclass::text as name, confrelid::regclass::text as target from pg_constraint where contype = 'f'`
      )
      return names.map((row) => ({
        name: String(row.name),
        refersTo: keys.filter(({ name }) => name === row.name).map(({ target }) => String(target))
      }))
    },
    async *rows(table) {
      await all(`declare dump no scroll cursor for select * from "${table}"`)
      for (;;) {
        const rows = await all(`fetch ${fetchSize} from dump`)
        if (rows.length === 0) break
        yield* rows
      }
      await all('close dump')
    },
    async close() {
      client.release(true)
      await pool.end()
    }
  }
}
