import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { migrationsContract } from './contract/migrations.ts'
import { createSqliteDialect } from './sqlite-dialect.ts'

migrationsContract('sqlite', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-migrate-'))
  const file = join(directory, 'store.sqlite')
  const db = new Kysely<never>({ dialect: createSqliteDialect(file) })
  const former = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  t.after(async () => {
    former.close()
    await db.destroy()
    rmSync(directory, { recursive: true })
  })
  const all = (sql: string, ...parameters: string[]) =>
    former.prepare(sql).all(...parameters) as Record<string, string | number | null>[]
  const columnsOf = (table: string) =>
    all('select name, type, "notnull", dflt_value, pk from pragma_table_info(?)', table).map((row) => ({
      name: String(row.name),
      type: String(row.type),
      isNullable: row.notnull === 0,
      default: row.dflt_value === null ? null : String(row.dflt_value),
      key: Number(row.pk)
    }))
  return {
    db,
    schema: async () => {
      const tables = all(
        `select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name not like 'kysely_%'`
      )
      return new Map(tables.map(({ name }) => [String(name), columnsOf(String(name))]))
    },
    unique: async (table) =>
      all('select name from pragma_index_list(?) where "unique" = 1', table).map(({ name }) =>
        all('select name from pragma_index_info(?)', String(name))
          .map((column) => column.name)
          .join(',')
      ),
    prepare: async (statements) => {
      const prepared = statements.map((statement) => former.prepare(statement))
      return async () => {
        for (const statement of prepared) statement.all()
      }
    },
    literal: (type) => (/int/i.test(type) ? '77' : /blob/i.test(type) ? `x'77'` : `'seventy-seven'`)
  }
})
