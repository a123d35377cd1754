import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const text = 'text'
const time = 'bigint'

export const accounts: Migration = {
  async up(db: Kysely<never>) {
    await db.schema
      .createTable('accounts')
      .addColumn('id', text, (c) => c.primaryKey())
      .addColumn('forge_id', text, (c) => c.notNull())
      .addColumn('forge_user_id', text, (c) => c.notNull())
      .addColumn('login', text, (c) => c.notNull())
      .addColumn('name', text)
      .addColumn('avatar_url', text)
      .addColumn('is_administrator', 'smallint', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('signed_in_at', time, (c) => c.notNull())
      .addColumn('asked_at', time)
      .addColumn('asking_until', time)
      .addColumn('credential', text)
      .addColumn('credential_key_id', text)
      .addUniqueConstraint('accounts_forge', ['forge_id', 'forge_user_id'])
      .execute()
    await db.schema
      .createTable('sessions')
      .addColumn('id', text, (c) => c.primaryKey())
      .addColumn('token_hash', text, (c) => c.notNull().unique())
      .addColumn('account_id', text, (c) => c.references('accounts.id'))
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('idle_until', time, (c) => c.notNull())
      .addColumn('expires_at', time, (c) => c.notNull())
      .execute()
    await db.schema.createIndex('sessions_account').on('sessions').columns(['account_id']).execute()
    await db.schema
      .createTable('tickets')
      .addColumn('kind', text, (c) => c.notNull())
      .addColumn('hash', text, (c) => c.notNull())
      .addColumn('data', text, (c) => c.notNull())
      .addColumn('expires_at', time, (c) => c.notNull())
      .addPrimaryKeyConstraint('tickets_pk', ['kind', 'hash'])
      .execute()
    await db.schema
      .createTable('memberships')
      .addColumn('account_id', text, (c) => c.notNull().references('accounts.id'))
      .addColumn('scope', text, (c) => c.notNull())
      .addColumn('forge_object_id', text, (c) => c.notNull())
      .addColumn('granted', text, (c) => c.notNull())
      .addPrimaryKeyConstraint('memberships_pk', ['account_id', 'scope', 'forge_object_id'])
      .execute()
  }
}
