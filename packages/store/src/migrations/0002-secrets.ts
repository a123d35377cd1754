import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const text = 'text'
const time = 'bigint'

export const secrets: Migration = {
  async up(db: Kysely<never>) {
    await db.schema
      .createTable('secret_sets')
      .addColumn('owner_id', text, (c) => c.notNull().references('owners.id'))
      .addColumn('name', text, (c) => c.notNull())
      .addColumn('origin', text, (c) => c.notNull())
      .addColumn('repository_id', text, (c) => c.references('repositories.id'))
      .addColumn('shared_name', text, (c) => c.unique())
      .addColumn('version_id', text)
      .addColumn('generation', 'bigint', (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .addColumn('updated_at', time, (c) => c.notNull())
      .addPrimaryKeyConstraint('secret_sets_pk', ['owner_id', 'name'])
      .execute()
    await db.schema.createIndex('secret_sets_repository').on('secret_sets').columns(['repository_id']).execute()
    await db.schema
      .createTable('secret_versions')
      .addColumn('id', text, (c) => c.primaryKey())
      .addColumn('owner_id', text, (c) => c.notNull().references('owners.id'))
      .addColumn('name', text, (c) => c.notNull())
      .addColumn('keys_json', text, (c) => c.notNull())
      .addColumn('ciphertext', text, (c) => c.notNull())
      .addColumn('key_id', text, (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .execute()
    await db.schema.createIndex('secret_versions_key').on('secret_versions').columns(['key_id', 'id']).execute()
    await db.schema
      .createTable('build_secrets')
      .addColumn('build_id', text, (c) => c.notNull())
      .addColumn('name', text, (c) => c.notNull())
      .addColumn('version_id', text, (c) => c.notNull())
      .addPrimaryKeyConstraint('build_secrets_pk', ['build_id', 'name'])
      .execute()
    await db.schema
      .createTable('sealing_keys')
      .addColumn('fingerprint', text, (c) => c.primaryKey())
      .addColumn('certificate', text)
      .addColumn('ciphertext', text, (c) => c.notNull())
      .addColumn('key_id', text, (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .execute()
    await db.schema
      .alterTable('deployments')
      .addColumn('secrets_json', text, (c) => c.notNull().defaultTo('[]'))
      .execute()
  }
}
