import { existsSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Failure } from '@slipway/domain'
import { Kysely, sql, type Transaction } from 'kysely'
import { Migrator } from 'kysely/migration'
import { appendAudit } from './audit.ts'
import { isWithoutTables, translate } from './database-failure.ts'
import { type DumpEnd, type DumpRow, type DumpStart, type DumpTable, decoded, migratorTables } from './dump.ts'
import { migrations } from './migrate.ts'
import { createPostgresDialect } from './postgres-dialect.ts'
import type { Schema } from './schema.ts'
import { createSqliteDialect, inMemory } from './sqlite-dialect.ts'
import type { StoreConfig } from './store.ts'

/** Far below what a statement may have on either database. */
const parametersPerInsert = 10_000

export interface RestoreOptions {
  /** Puts the dump in place of what the database holds. */
  force: boolean
  /** What the dump is of, in epoch milliseconds; for the audit log. */
  dumpedAt: number
  now: number
}

/**
 * Fills a database from a dump, whole or not at all, and brings it to what this program expects. Its audit log goes on with an
 * entry of this: what was done since the dump is not in it.
 *
 * @throws Failure `conflict` when the database holds something, or somebody works with it; `invalid-request` for what is no whole dump;
 *   `invalid-configuration` for a dump of a newer program; `unavailable`
 */
export async function restoreStore(
  { url, file }: StoreConfig,
  lines: AsyncIterable<string>,
  options: RestoreOptions
): Promise<{ rows: number }> {
  try {
    return await (url === null ? restoreSqlite(file, lines, options) : restorePostgres(url, lines, options))
  } catch (err) {
    throw translate(err)
  }
}

/** @throws Failure `conflict` while a deployer works with the database */
export async function refuseWhileInUse({ url, file }: StoreConfig, now: number): Promise<void> {
  if (url === null && !existsSync(file)) return
  const dialect =
    url === null
      ? createSqliteDialect(file)
      : await createPostgresDialect(url, { maxConnections: 1, statementTimeoutMs: 3000 })
  const db = new Kysely<Schema>({ dialect })
  try {
    await refuseLeased(db, now)
  } catch (err) {
    throw translate(err)
  } finally {
    await db.destroy()
  }
}

/** Into a file of its own, which takes its place when it is complete. */
async function restoreSqlite(file: string, lines: AsyncIterable<string>, options: RestoreOptions) {
  if (existsSync(file) && !options.force) throw occupied(file)
  await refuseWhileInUse({ url: null, file }, options.now)
  const fresh = `${file}.restoring`
  await removeSqlite(fresh)
  const db = new Kysely<Schema>({ dialect: createSqliteDialect(fresh) })
  try {
    let rows: number
    try {
      rows = await db.transaction().execute((tx) => fill(tx, lines, options))
    } finally {
      // Copies the log into the file.
      await db.destroy()
    }
    await removeSqlite(file)
    await rename(fresh, file)
    await using directory = await open(dirname(file))
    await directory.sync()
    return { rows }
  } finally {
    await removeSqlite(fresh)
  }
}

async function removeSqlite(file: string): Promise<void> {
  for (const path of [`${file}-wal`, `${file}-shm`, file]) await rm(path, { force: true })
}

async function restorePostgres(url: string, lines: AsyncIterable<string>, options: RestoreOptions) {
  const { force, now } = options
  const dialect = await createPostgresDialect(url, { maxConnections: 1, statementTimeoutMs: 0 })
  const db = new Kysely<Schema>({ dialect })
  try {
    await refuseLeased(db, now)
    return await db.transaction().execute(async (tx) => {
      await sql`set local idle_in_transaction_session_timeout = 0`.execute(tx)
      const names = await ourTables(tx)
      for (const name of names) {
        // What a first start puts there by itself is nothing that anybody would miss.
        if (force || name === 'counters' || migratorTables.includes(name)) continue
        const { rows } = await sql`select 1 from ${sql.table(name)} limit 1`.execute(tx)
        if (rows.length > 0) throw occupied('of DATABASE_URL')
      }
      if (names.length > 0) await sql`drop table ${sql.join(names.map((name) => sql.table(name)))} cascade`.execute(tx)
      return { rows: await fill(tx, lines, options) }
    })
  } finally {
    await db.destroy()
  }
}

/** Those that the migrations of this program make: others in the same database are somebody else's. */
async function ourTables(db: Kysely<Schema>): Promise<string[]> {
  const sample = new Kysely<Schema>({ dialect: createSqliteDialect(inMemory) })
  try {
    await sample.transaction().execute((tx) => migrateTo(tx, null))
    const ours = new Set([...(await sample.introspection.getTables()).map(({ name }) => name), ...migratorTables])
    const { rows } = await sql<{ name: string }>`
      select tablename as name from pg_tables where schemaname = current_schema()`.execute(db)
    return rows.map(({ name }) => name).filter((name) => ours.has(name))
  } finally {
    await sample.destroy()
  }
}

function occupied(what: string): Failure {
  return new Failure(
    'conflict',
    `the database ${what} holds an installation already: restore elsewhere, or use --force to put the backup in its place`
  )
}

async function refuseLeased(db: Kysely<Schema>, now: number): Promise<void> {
  const holders = await db
    .selectFrom('leases')
    .select('holder')
    .where('name', '=', 'deployer')
    .where('lease_until', '>', now)
    .execute()
    .catch((err: unknown) => {
      // Without tables nobody can work with it.
      if (isWithoutTables(err)) return []
      throw err
    })
  if (holders.length > 0) {
    throw new Failure('conflict', 'a deployer works with this database: stop Slipway first (it may take 5 s to notice)')
  }
}

/** `null`: to the newest. */
async function migrateTo(tx: Transaction<Schema>, name: string | null): Promise<void> {
  const migrator = new Migrator({ db: tx, provider: { getMigrations: () => Promise.resolve(migrations) } })
  const { error } = await (name === null ? migrator.migrateToLatest() : migrator.migrateTo(name))
  if (error !== undefined) throw error
}

/** Makes the tables as they were when the dump was written, fills them, and then brings them up to date. */
async function fill(
  tx: Transaction<Schema>,
  lines: AsyncIterable<string>,
  { dumpedAt, now }: RestoreOptions
): Promise<number> {
  const dump = lines[Symbol.asyncIterator]()
  const next = async (): Promise<unknown> => {
    const line = await dump.next()
    if (line.done) throw new Failure('invalid-request', 'the dump of the store was cut short')
    return JSON.parse(line.value)
  }
  const start = (await next()) as Partial<DumpStart>
  if (start.slipwayDump !== 1 || start.migrations === undefined) {
    throw new Failure('invalid-request', 'this is no dump of a store that this version of Slipway can read')
  }
  const strangers = start.migrations.filter((name) => migrations[name] === undefined)
  if (strangers.length > 0) {
    throw new Failure(
      'invalid-configuration',
      `the backup is newer than this program (it knows ${strangers.join(', ')}): restore it with the version that wrote it, or a newer one`
    )
  }
  await migrateTo(tx, start.migrations.at(-1) ?? null)
  await sql`delete from counters`.execute(tx)

  let table: DumpTable | null = null
  let batch: DumpRow[] = []
  let count = 0
  const flush = async (): Promise<void> => {
    if (table === null || batch.length === 0) return
    await insert(tx, table, batch)
    count += batch.length
    batch = []
  }
  for (;;) {
    const line = (await next()) as DumpRow | DumpTable | DumpEnd
    if (Array.isArray(line)) {
      batch.push(line)
      if (table !== null && batch.length * table.columns.length >= parametersPerInsert) await flush()
      continue
    }
    await flush()
    if ('table' in line) {
      table = line
      continue
    }
    if (line.rows !== count) throw new Failure('invalid-request', 'the dump of the store is not whole')
    break
  }
  await migrateTo(tx, null)
  await appendAudit(tx, {
    at: now,
    // Who has the database, its keys and the machine.
    actor: 'administrator',
    action: 'restore',
    ownerId: null,
    resource: 'installation',
    detail: { backup: new Date(dumpedAt).toISOString(), rows: count }
  })
  return count
}

async function insert(tx: Transaction<Schema>, { table, columns }: DumpTable, rows: DumpRow[]): Promise<void> {
  const values = rows.map((row) => sql`(${sql.join(row.map(decoded))})`)
  await sql`insert into ${sql.table(table)} (${sql.join(columns.map((column) => sql.ref(column)))})
    values ${sql.join(values)}`.execute(tx)
}
