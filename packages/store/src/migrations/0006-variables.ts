import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const text = 'text'

export const variables: Migration = {
  async up(db: Kysely<never>) {
    await db.schema
      .createTable('variables')
      .addColumn('owner_id', text, (c) => c.notNull().references('owners.id'))
      .addColumn('scope', text, (c) => c.notNull())
      .addColumn('scope_id', text, (c) => c.notNull())
      .addColumn('used_in', text, (c) => c.notNull())
      .addColumn('name', text, (c) => c.notNull())
      .addColumn('value', text, (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_by', text, (c) => c.notNull())
      .addPrimaryKeyConstraint('variables_pk', ['owner_id', 'scope', 'scope_id', 'used_in', 'name'])
      .execute()
    await db.schema
      .createTable('variable_versions')
      .addColumn('owner_id', text, (c) => c.primaryKey().references('owners.id'))
      .addColumn('version', 'bigint', (c) => c.notNull())
      .execute()
  }
}
