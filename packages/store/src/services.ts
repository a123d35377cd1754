import type { ServiceFacts, Services } from '@slipway/domain'
import { type RawBuilder, sql } from 'kysely'
import type { Database } from './database.ts'
import { layerBytes } from './limits.ts'

const forgottenMs = 24 * 3600_000

/** How large a database is, asked of itself. */
export const sizeQueries = {
  sqlite: sql<{ bytes: number }>`select page_count * page_size as bytes from pragma_page_count(), pragma_page_size()`,
  postgres: sql<{ bytes: number }>`select pg_database_size(current_database()) as bytes`
}

export function createServices(database: Database, sizeQuery: RawBuilder<{ bytes: number }>): Services {
  return {
    tell: ({ id, kind, host, version, startedAt, seenAt, facts }) =>
      database.write(async (tx) => {
        const told = { host, version, seen_at: seenAt, facts_json: JSON.stringify(facts) }
        await tx
          .insertInto('services')
          .values({ id, kind, started_at: startedAt, ...told })
          .onConflict((oc) => oc.column('id').doUpdateSet(told))
          .execute()
        await tx
          .deleteFrom('services')
          .where('seen_at', '<', seenAt - forgottenMs)
          .execute()
      }),
    leave: (id) =>
      database.write(async (tx) => {
        await tx.deleteFrom('services').where('id', '=', id).execute()
      }),
    list: () =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom('services')
          .selectAll()
          .orderBy('kind')
          .orderBy('started_at')
          .orderBy('id')
          .execute()
        return rows.map((row) => ({
          id: row.id,
          kind: row.kind,
          host: row.host,
          version: row.version,
          startedAt: row.started_at,
          seenAt: row.seen_at,
          facts: JSON.parse(row.facts_json) as ServiceFacts
        }))
      }),
    room: () =>
      database.read(async (db) => {
        const { rows } = await sizeQuery.execute(db)
        return [
          { what: 'database', bytes: rows[0]?.bytes ?? 0, limitBytes: null },
          { what: "functions' images in the registry", bytes: await layerBytes(db, null), limitBytes: null }
        ]
      })
  }
}
