import { after, before } from 'node:test'
import type { Store } from '@slipway/domain'
import { startPostgres, type TestPostgres } from '@slipway/testing'
import { Kysely } from 'kysely'
import { Client } from 'pg'
import { storeContract } from './contract/all.ts'
import { migrationsContract } from './contract/migrations.ts'
import { createPostgresDialect } from './postgres-dialect.ts'
import { createStore } from './store.ts'

let server: TestPostgres
before(async () => {
  server = await startPostgres()
})
after(() => server.stop())

storeContract({
  name: 'postgres',
  async database(t) {
    const url = await server.makeDatabase()
    const stores: Store[] = []
    t.after(async () => {
      for (const store of stores) await store.close()
    })
    return {
      async open() {
        const store = await createStore({ url, file: '' })
        stores.push(store)
        return store
      },
      async run(statement) {
        const client = new Client({ connectionString: url })
        await client.connect()
        await client.query(statement)
        await client.end()
      }
    }
  }
})

migrationsContract('postgres', async (t) => {
  const url = await server.makeDatabase()
  const dialect = await createPostgresDialect(url, { maxConnections: 2, statementTimeoutMs: 0 })
  const db = new Kysely<never>({ dialect })
  const former = new Client({ connectionString: url })
  await former.connect()
  t.after(async () => {
    await former.end()
    await db.destroy()
  })
  // The rows of this test belong to nothing.
  await former.query('set session_replication_role = replica')
  const all = async (text: string, values: string[] = []) =>
    (await former.query<Record<string, string | number | boolean | null>>(text, values)).rows
  let statementCount = 0
  return {
    db,
    async schema() {
      const rows = await all(`
        select c.relname as table, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
          not a.attnotnull as nullable, pg_get_expr(d.adbin, d.adrelid) as default,
          coalesce(array_position(k.conkey, a.attnum), 0) as key
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
        where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relname not like 'kysely%'
        order by c.relname, a.attnum`)
      const columns = rows.map((row) => ({
        table: String(row.table),
        name: String(row.name),
        type: String(row.type),
        isNullable: row.nullable === true,
        default: row.default === null ? null : String(row.default),
        key: Number(row.key)
      }))
      return Map.groupBy(columns, ({ table }) => table)
    },
    async unique(table) {
      const rows = await all(
        `select pg_get_indexdef(i.indexrelid) as rule from pg_index i where i.indisunique and i.indrelid = $1::regclass`,
        [`"${table}"`]
      )
      return rows.map(({ rule }) => String(rule))
    },
    async prepare(statements) {
      const prepared = statements.map((text) => ({ name: `former-${++statementCount}`, text }))
      return async () => {
        // By its name the server has it prepared from the first time on.
        for (const statement of prepared) await former.query(statement)
      }
    },
    literal: (type) => (/int|double|numeric/.test(type) ? '77' : `'seventy-seven'`)
  }
})
