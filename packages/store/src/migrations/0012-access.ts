import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const text = 'text'
const time = 'bigint'

export const access: Migration = {
  async up(db: Kysely<never>) {
    for (const table of ['owners', 'repositories', 'functions']) {
      await db.schema.alterTable(table).addColumn('access', text).execute()
    }
    await db.schema
      .createTable('function_keys')
      .addColumn('id', text, (c) => c.primaryKey())
      .addColumn('owner_id', text, (c) => c.notNull().references('owners.id'))
      .addColumn('hash', text, (c) => c.notNull().unique())
      .addColumn('name', text, (c) => c.notNull())
      .addColumn('is_own', 'smallint', (c) => c.notNull())
      .addColumn('function_name', text)
      .addColumn('created_by', text, (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('expires_at', time)
      .execute()
    await db.schema.createIndex('function_keys_owner').on('function_keys').columns(['owner_id', 'id']).execute()
  }
}
