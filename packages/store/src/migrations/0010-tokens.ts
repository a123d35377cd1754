import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const text = 'text'
const time = 'bigint'

export const tokens: Migration = {
  async up(db: Kysely<never>) {
    await db.schema
      .createTable('tokens')
      .addColumn('id', text, (c) => c.primaryKey())
      .addColumn('hash', text, (c) => c.notNull().unique())
      .addColumn('owner_id', text, (c) => c.notNull().references('owners.id'))
      .addColumn('name', text, (c) => c.notNull())
      .addColumn('scope', text, (c) => c.notNull())
      .addColumn('account_id', text)
      .addColumn('parent_id', text, (c) => c.references('tokens.id').onDelete('cascade'))
      .addColumn('created_by', text, (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('expires_at', time, (c) => c.notNull())
      .addColumn('last_used_at', time)
      .execute()
    await db.schema.createIndex('tokens_owner').on('tokens').columns(['owner_id', 'id']).execute()
    await db.schema.createIndex('tokens_parent').on('tokens').columns(['parent_id']).execute()
  }
}
