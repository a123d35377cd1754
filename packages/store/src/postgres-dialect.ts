import { type Dialect, PostgresDialect } from 'kysely'
import { createPostgresPool, type PostgresOptions } from './postgres-pool.ts'

/** Kysely on `pg`. */
export async function createPostgresDialect(url: string, options: PostgresOptions): Promise<Dialect> {
  return new PostgresDialect({ pool: await createPostgresPool(url, options) })
}
