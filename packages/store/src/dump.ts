import { translate } from './database-failure.ts'
import { openSnapshot, type Row, type Snapshot } from './dump-source.ts'
import type { StoreConfig } from './store.ts'

/*
 * A dump is lines of JSON. The first says the format and which migrations made the tables; then each table's name and columns,
 * followed by its rows as arrays; the last one counts the rows, so that a dump that was cut short is none.
 * Tables come after those that they refer to. It can be restored into either kind of database.
 */

export interface DumpStart {
  slipwayDump: 1
  migrations: string[]
}
export interface DumpTable {
  table: string
  columns: string[]
}
export interface DumpEnd {
  rows: number
}
export type DumpRow = unknown[]

/** Of the migrator, which makes them itself. */
export const migratorTables = ['kysely_migration', 'kysely_migration_lock']
/** Who holds what now, and who is there, says nothing later, nor does the last minute's traffic: that of hours is kept. */
const fleeting = new Set(['leases', 'services', 'traffic_minutes', 'traffic_senders'])

/**
 * Everything in the store as it was at one moment, while it goes on being written to.
 *
 * @throws Failure `not-found` when there is no database, `unavailable`
 */
export async function* dumpStore(config: StoreConfig): AsyncGenerator<string> {
  try {
    const snapshot = await openSnapshot(config)
    try {
      yield* dump(snapshot)
    } finally {
      await snapshot.close()
    }
  } catch (err) {
    throw translate(err)
  }
}

async function* dump(snapshot: Snapshot): AsyncGenerator<string> {
  const all = await snapshot.tables()
  const start: DumpStart = { slipwayDump: 1, migrations: await migrationsOf(snapshot) }
  yield JSON.stringify(start)
  let count = 0
  for (const table of inOrder(all.filter(({ name }) => !migratorTables.includes(name)))) {
    let columns: string[] | null = null
    if (fleeting.has(table)) continue
    for await (const row of snapshot.rows(table)) {
      if (columns === null) {
        columns = Object.keys(row)
        yield JSON.stringify({ table, columns } satisfies DumpTable)
      }
      yield JSON.stringify(columns.map((column) => encoded(row[column])) satisfies DumpRow)
      count += 1
    }
  }
  yield JSON.stringify({ rows: count } satisfies DumpEnd)
}

async function migrationsOf(snapshot: Snapshot): Promise<string[]> {
  const rows: Row[] = []
  for await (const row of snapshot.rows('kysely_migration')) rows.push(row)
  return rows.map(({ name }) => String(name)).sort()
}

/** Each after those that it refers to. */
function inOrder(tables: { name: string; refersTo: string[] }[]): string[] {
  const order: string[] = []
  const place = ({ name, refersTo }: { name: string; refersTo: string[] }): void => {
    if (order.includes(name)) return
    for (const target of tables) if (target.name !== name && refersTo.includes(target.name)) place(target)
    order.push(name)
  }
  for (const table of tables.toSorted((a, b) => (a.name < b.name ? -1 : 1))) place(table)
  return order
}

function encoded(value: unknown): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') }
  throw new Error(`a column holds a ${typeof value}, which no table of the store has`)
}

export function decoded(value: unknown): string | number | null | Buffer {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  if (typeof value === 'object' && 'base64' in value && typeof value.base64 === 'string') {
    return Buffer.from(value.base64, 'base64')
  }
  throw new Error('not a value of a dump')
}
