import type { Pool } from 'pg'

/** PostgreSQL's type id of `bigint`, which `pg` hands over as text. Ours are times and counters, all far below 2^53. */
const int8 = 20

export interface PostgresOptions {
  maxConnections: number
  /** How long one statement may run; 0: for ever. */
  statementTimeoutMs: number
}

/** `pg` is loaded only here: a process on SQLite never pays for it. */
export async function createPostgresPool(url: string, options: PostgresOptions): Promise<Pool> {
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({
    connectionString: url,
    max: options.maxConnections,
    // A caller with the database away gets its answer in half a second, not when TCP gives up.
    connectionTimeoutMillis: 500,
    statement_timeout: options.statementTimeoutMs,
    // The server may vanish without a word: then only the client's own clock ends the wait.
    query_timeout: options.statementTimeoutMs === 0 ? undefined : options.statementTimeoutMs + 500,
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
    application_name: 'slipway',
    types: {
      getTypeParser: (id: number, format?: 'text' | 'binary') =>
        id === int8 && format !== 'binary' ? Number : pg.types.getTypeParser(id, format)
    }
  })
  // An idle connection that breaks is dropped from the pool; who asks next gets a new one, or the failure.
  pool.on('error', () => {})
  // One that breaks between two statements of a transaction says so here as well; the next statement fails.
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}
