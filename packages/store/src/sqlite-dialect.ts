import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  type SelectModifierNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler
} from 'kysely'
import { withoutNul } from './nul.ts'

/** Statements that are kept prepared, the least recently prepared one going first. */
const statementLimit = 200

/** Kysely on Node's own SQLite. One connection per process; several processes may share the file. */
export function createSqliteDialect(file: string): Dialect {
  return {
    createDriver: () => createDriver(file),
    createQueryCompiler: () => new LocklessQueryCompiler(),
    createAdapter: () => new TransactionalAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db)
  }
}

/** SQLite has no row locks and needs none: a write transaction is alone from its first statement on. */
class LocklessQueryCompiler extends SqliteQueryCompiler {
  protected override visitSelectModifier(node: SelectModifierNode): void {
    const isLock = node.modifier !== undefined && node.modifier !== 'Distinct'
    if (!isLock) super.visitSelectModifier(node)
  }
}

/** SQLite's schema changes are transactional; with `begin immediate` that is also the lock among migrating processes. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

const busyTimeoutMs = 5000
const busy = 5

/**
 * Begins a write transaction, waiting for others' to end. SQLite's own way to wait would stop this process' whole event loop,
 * and with it the very transaction that is waited for, where two connections of one process want to write.
 */
async function beginImmediate(database: DatabaseSync): Promise<void> {
  const deadline = performance.now() + busyTimeoutMs
  for (let attempt = 1; ; attempt++) {
    database.exec('pragma busy_timeout = 0')
    try {
      database.exec('begin immediate')
      return
    } catch (err) {
      const isBusy = err instanceof Error && 'errcode' in err && err.errcode === busy
      if (!isBusy || performance.now() > deadline) throw err
    } finally {
      database.exec(`pragma busy_timeout = ${busyTimeoutMs}`)
    }
    await sleep(Math.min(attempt, 20))
  }
}

/** In place of a file: a database that is gone when it is closed. */
export const inMemory = ':memory:'

function open(file: string): DatabaseSync {
  if (file !== inMemory) {
    mkdirSync(dirname(file), { recursive: true })
    // For nobody else to read: it holds tokens. What SQLite puts beside it takes the same mode.
    closeSync(openSync(file, 'a', 0o600))
  }
  const database = new DatabaseSync(file, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true })
  // FULL: what was acknowledged to a forge must survive a power cut, and a forge does not deliver again.
  // Pages that many transactions write, those of indexes above all, are copied into the file once for 32 MiB rather than for four,
  // and are found in memory: ids that strangers choose hit an index everywhere. What undoes a statement of many rows is
  // needed as long as the statement: without `temp_store` each would make, write and remove a file for it.
  const settings = [
    'journal_mode = wal',
    'synchronous = full',
    'wal_autocheckpoint = 8192',
    'journal_size_limit = 67108864',
    'cache_size = -8000',
    'temp_store = memory'
  ]
  database.exec(settings.map((setting) => `pragma ${setting}`).join('; '))
  return database
}

function createDriver(file: string): Driver {
  let database: DatabaseSync | null = null
  let connection: DatabaseConnection | null = null
  const opened = (): DatabaseSync => {
    if (database === null) throw new Error('the database is not open')
    return database
  }
  return {
    async init() {
      database = open(file)
      connection = createConnection(database)
    },
    async acquireConnection() {
      if (connection === null) throw new Error('the database is not open')
      return connection
    },
    async beginTransaction() {
      await beginImmediate(opened())
    },
    async commitTransaction() {
      opened().exec('commit')
    },
    async rollbackTransaction() {
      // A full disk or an I/O error has ended the transaction already.
      if (opened().isTransaction) opened().exec('rollback')
    },
    async releaseConnection() {},
    async destroy() {
      connection = null
      database?.close()
      database = null
    }
  }
}

interface Prepared {
  statement: StatementSync
  hasRows: boolean
}

function createConnection(database: DatabaseSync): DatabaseConnection {
  const cache = new Map<string, Prepared>()

  function prepare(sql: string): Prepared {
    const known = cache.get(sql)
    if (known !== undefined) return known
    const statement = database.prepare(sql)
    const prepared = { statement, hasRows: statement.columns().length > 0 }
    if (cache.size >= statementLimit) {
      const [oldest] = cache.keys()
      if (oldest !== undefined) cache.delete(oldest)
    }
    cache.set(sql, prepared)
    return prepared
  }

  return {
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      const { statement, hasRows } = prepare(query.sql)
      const parameters = query.parameters.map(withoutNul) as SQLInputValue[]
      if (hasRows) return { rows: statement.all(...parameters) as R[] }
      const { changes } = statement.run(...parameters)
      return { rows: [], numAffectedRows: BigInt(changes) }
    },
    // oxlint-disable-next-line require-yield -- nothing of this package streams
    async *streamQuery() {
      throw new Error('streaming is not supported')
    }
  }
}
