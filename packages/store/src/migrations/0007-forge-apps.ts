import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const text = 'text'
const time = 'bigint'

export const forgeApps: Migration = {
  async up(db: Kysely<never>) {
    await db.schema
      .createTable('forge_apps')
      .addColumn('forge_id', text, (c) => c.primaryKey())
      .addColumn('kind', text, (c) => c.notNull())
      .addColumn('base_url', text, (c) => c.notNull())
      .addColumn('api_url', text, (c) => c.notNull())
      .addColumn('app_id', text, (c) => c.notNull())
      .addColumn('slug', text, (c) => c.notNull())
      .addColumn('html_url', text, (c) => c.notNull())
      .addColumn('owner_login', text, (c) => c.notNull())
      .addColumn('is_organization', 'integer', (c) => c.notNull())
      .addColumn('client_id', text)
      .addColumn('is_hook_active', 'integer', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .execute()
    await db.schema
      .createTable('forge_secrets')
      .addColumn('id', text, (c) => c.primaryKey())
      .addColumn('forge_id', text, (c) => c.notNull().references('forge_apps.forge_id'))
      .addColumn('used_for', text, (c) => c.notNull())
      .addColumn('ciphertext', text, (c) => c.notNull())
      .addColumn('key_id', text, (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('expires_at', time)
      .execute()
    await db.schema
      .createTable('forge_connections')
      .addColumn('id', text, (c) => c.primaryKey())
      .addColumn('state_hash', text, (c) => c.notNull().unique())
      .addColumn('instance_json', text, (c) => c.notNull())
      .addColumn('organization', text)
      .addColumn('manifest_json', text, (c) => c.notNull())
      .addColumn('replaces', text)
      .addColumn('started_by', text, (c) => c.notNull())
      .addColumn('started_at', time, (c) => c.notNull())
      .addColumn('expires_at', time, (c) => c.notNull())
      .addColumn('status', text, (c) => c.notNull())
      .addColumn('reason', text)
      .addColumn('app_id', text)
      .execute()
  }
}
