import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { Failure } from '@slipway/domain/failure'
import { isWithoutTables, translate } from './database-failure.ts'
import { createPostgresPool } from './postgres-pool.ts'
import { type AskRoutes, createRoutes, type Routes } from './routes.ts'
import type { StoreConfig } from './store.ts'

export type { Routes } from './routes.ts'

/**
 * Opens the system of record for a gateway: routes are read, nothing is written, and the tables are somebody else's to make.
 * An entry of its own, because a gateway's process is to be small.
 *
 * @throws Failure `unavailable` when the database is away or its tables are not made yet, `invalid-configuration` when it refuses us.
 */
export async function openRoutes({ url, file }: StoreConfig): Promise<Routes & { close(): Promise<void> }> {
  const { ask, close } = url === null ? openSqlite(file) : await openPostgres(url)
  const routes = createRoutes(async (sql) => {
    try {
      return await ask(sql)
    } catch (err) {
      throw isWithoutTables(err) ? notYet(err) : translate(err)
    }
  })
  try {
    await routes.routesVersion()
  } catch (err) {
    await close()
    throw err
  }
  return { ...routes, close }
}

interface Source {
  ask: AskRoutes
  close(): Promise<void>
}

function openSqlite(file: string): Source {
  if (!existsSync(file)) throw notYet()
  try {
    const database = new DatabaseSync(file, { readOnly: true, timeout: 1000 })
    return {
      ask: async <R>(sql: string) => database.prepare(sql).all() as R[],
      close: async () => database.close()
    }
  } catch (err) {
    throw translate(err)
  }
}

async function openPostgres(url: string): Promise<Source> {
  const pool = await createPostgresPool(url, { maxConnections: 2, statementTimeoutMs: 2000 })
  return {
    ask: async <R>(sql: string) => (await pool.query(sql)).rows as R[],
    close: () => pool.end()
  }
}

function notYet(cause?: unknown): Failure {
  const message = 'the database has no tables yet: the other services make them when they start'
  return new Failure('unavailable', message, { cause })
}
