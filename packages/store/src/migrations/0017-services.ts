import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Which services said that they are there, and when. */
export const services: Migration = {
  async up(db: Kysely<never>) {
    await db.schema
      .createTable('services')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('host', 'text', (c) => c.notNull())
      .addColumn('version', 'text', (c) => c.notNull())
      .addColumn('started_at', 'bigint', (c) => c.notNull())
      .addColumn('seen_at', 'bigint', (c) => c.notNull())
      .addColumn('facts_json', 'text', (c) => c.notNull())
      .execute()
  }
}
