import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { migrations } from './migrate.ts'
import { createSqliteDialect } from './sqlite-dialect.ts'

interface Column {
  name: string
  type: string
  notnull: number
  dflt_value: string | null
  pk: number
}

/** Columns by table, as the database tells them. */
function schemaOf(database: DatabaseSync): Map<string, Column[]> {
  const tables = database
    .prepare(
      `select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name not like 'kysely_%'`
    )
    .all() as { name: string }[]
  return new Map(
    tables.map(({ name }) => {
      const columns = database
        .prepare('select name, type, "notnull", dflt_value, pk from pragma_table_info(?)')
        .all(name)
      return [name, columns.map((each) => ({ ...each }) as unknown as Column)]
    })
  )
}

/** By table: the columns of each unique index. */
function uniqueIndexes(database: DatabaseSync, table: string): string[] {
  const indexes = database.prepare('select name from pragma_index_list(?) where "unique" = 1').all(table) as {
    name: string
  }[]
  return indexes.map(({ name }) =>
    (database.prepare('select name from pragma_index_info(?)').all(name) as { name: string }[])
      .map((c) => c.name)
      .join(',')
  )
}

/** What a program of the former version does with a table: it knows its columns and no others. */
function formerStatements(database: DatabaseSync, table: string, columns: Column[]): StatementSync[] {
  const names = columns.map(({ name }) => `"${name}"`)
  const values = columns.map(({ type }) =>
    /int/i.test(type) ? '77' : /blob/i.test(type) ? `x'77'` : `'seventy-seven'`
  )
  const [first] = names
  return [
    `insert into "${table}" (${names.join(', ')}) values (${values.join(', ')})`,
    `select ${names.join(', ')} from "${table}" where ${first} = ${values[0]}`,
    `update "${table}" set ${names.map((name, i) => `${name} = ${values[i]}`).join(', ')} where ${first} = ${values[0]}`,
    `delete from "${table}" where ${first} = ${values[0]}`
  ].map((statement) => database.prepare(statement))
}

function database(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-migrate-'))
  const file = join(directory, 'store.sqlite')
  const db = new Kysely<never>({ dialect: createSqliteDialect(file) })
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } })
  const former = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  t.after(async () => {
    former.close()
    await db.destroy()
    rmSync(directory, { recursive: true })
  })
  return {
    former,
    async migrateTo(name: string) {
      const { error } = await migrator.migrateTo(name)
      if (error !== undefined) throw error
    }
  }
}

const names = Object.keys(migrations)

for (const [i, name] of names.entries()) {
  const before = names[i - 1]
  if (before === undefined) continue
  test(`a program that knows ${before} goes on after ${name}: it only adds`, async (t) => {
    const { former, migrateTo } = database(t)
    await migrateTo(before)
    const known = schemaOf(former)
    const unique = new Map([...known.keys()].map((table) => [table, uniqueIndexes(former, table)]))
    const statements = [...known].flatMap(([table, columns]) => formerStatements(former, table, columns))
    const runAll = () => {
      for (const statement of statements) statement.all()
    }
    runAll()
    await migrateTo(name)
    runAll()
    const now = schemaOf(former)
    for (const [table, columns] of known) {
      const left = now.get(table) ?? []
      for (const column of columns) {
        assert.deepEqual(
          left.find((each) => each.name === column.name),
          column,
          `${table}.${column.name} is as it was`
        )
      }
      const added = left.filter((each) => !columns.some((column) => column.name === each.name))
      for (const column of added) {
        assert.ok(column.notnull === 0 || column.dflt_value !== null, `${table}.${column.name} can be left out`)
      }
      const rules = uniqueIndexes(former, table).filter((index) => !unique.get(table)?.includes(index))
      assert.deepEqual(rules, [], `what ${table} held and took before it still may`)
    }
  })
}
