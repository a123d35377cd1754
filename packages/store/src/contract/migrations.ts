import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { migrations } from '../migrate.ts'

export interface Column {
  name: string
  type: string
  isNullable: boolean
  default: string | null
  /** Its place in the primary key; 0: it is not in it. */
  key: number
}

/** A database that is migrated while a program of the version before works with it. */
export interface MigratedDatabase {
  /** What migrates it. */
  db: Kysely<never>
  /** Columns by table, as the database tells them. */
  schema(): Promise<Map<string, Column[]>>
  /** Of each unique index of a table the columns. */
  unique(table: string): Promise<string[]>
  /** Prepares statements as the other program has them; each call runs them all. Rows need not belong to others. */
  prepare(statements: string[]): Promise<() => Promise<void>>
  literal(type: string): string
}

const names = Object.keys(migrations)

/** Each migration only adds: what the version before prepared runs after it, and nothing that was there is another or held to more. */
export function migrationsContract(name: string, open: (t: TestContext) => Promise<MigratedDatabase>): void {
  test(`${name}: a program of the version before goes on after each migration: it only adds`, async (t) => {
    const database = await open(t)
    const migrator = new Migrator({
      db: database.db,
      provider: { getMigrations: () => Promise.resolve(migrations) }
    })
    for (const [i, migration] of names.entries()) {
      const known = await database.schema()
      const unique = new Map<string, string[]>()
      for (const table of known.keys()) unique.set(table, await database.unique(table))
      const runAll = await database.prepare([...known].flatMap((of) => formerStatements(...of, database.literal)))
      await runAll()
      const { error } = await migrator.migrateTo(migration)
      assert.equal(error, undefined, migration)
      await runAll().catch((err: unknown) => {
        throw new Error(`what ${names[i - 1]} prepared does not run after ${migration}`, { cause: err })
      })
      await assertOnlyAdded(database, known, unique, migration)
    }
    assert.ok((await database.schema()).size > 20, 'there was something to look at')
  })
}

/** What a program of the former version does with a table: it knows its columns and no others. */
function formerStatements(table: string, columns: Column[], literal: (type: string) => string): string[] {
  const all = columns.map((column) => `"${column.name}"`)
  const values = columns.map(({ type }) => literal(type))
  const [first] = all
  return [
    `insert into "${table}" (${all.join(', ')}) values (${values.join(', ')})`,
    `select ${all.join(', ')} from "${table}" where ${first} = ${values[0]}`,
    `update "${table}" set ${all.map((column, i) => `${column} = ${values[i]}`).join(', ')} where ${first} = ${values[0]}`,
    `delete from "${table}" where ${first} = ${values[0]}`
  ]
}

async function assertOnlyAdded(
  database: MigratedDatabase,
  known: Map<string, Column[]>,
  unique: Map<string, string[]>,
  migration: string
): Promise<void> {
  const now = await database.schema()
  for (const [table, columns] of known) {
    const left = now.get(table) ?? []
    for (const column of columns) {
      const same = left.find((each) => each.name === column.name)
      assert.deepEqual(same, column, `${migration}: ${table}.${column.name} is as it was`)
    }
    const added = left.filter((each) => !columns.some((column) => column.name === each.name))
    for (const column of added) {
      const canBeLeftOut = column.isNullable || column.default !== null
      assert.ok(canBeLeftOut, `${migration}: ${table}.${column.name} can be left out`)
    }
    const rules = (await database.unique(table)).filter((index) => !unique.get(table)?.includes(index))
    assert.deepEqual(rules, [], `${migration}: what ${table} held and took before it still may`)
  }
}
