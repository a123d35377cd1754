import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const text = 'text'
const time = 'bigint'

export const notifications: Migration = {
  async up(db: Kysely<never>) {
    await db.schema
      .createTable('notification_sinks')
      .addColumn('id', text, (c) => c.primaryKey())
      .addColumn('owner_id', text, (c) => c.references('owners.id'))
      .addColumn('kind', text, (c) => c.notNull())
      .addColumn('host', text, (c) => c.notNull())
      .addColumn('topics_json', text, (c) => c.notNull())
      .addColumn('ciphertext', text, (c) => c.notNull())
      .addColumn('key_id', text, (c) => c.notNull())
      .addColumn('created_by', text, (c) => c.notNull())
      .addColumn('created_at', time, (c) => c.notNull())
      .execute()
    await db.schema
      .createTable('notifications')
      .addColumn('id', text, (c) => c.primaryKey())
      .addColumn('sink_id', text, (c) => c.notNull().references('notification_sinks.id').onDelete('cascade'))
      .addColumn('event_id', text, (c) => c.notNull())
      .addColumn('message_json', text, (c) => c.notNull())
      .addColumn('status', text, (c) => c.notNull())
      .addColumn('attempts', 'integer', (c) => c.notNull())
      .addColumn('next_attempt_at', time, (c) => c.notNull())
      .addColumn('reason', text)
      .addColumn('created_at', time, (c) => c.notNull())
      .addUniqueConstraint('notifications_once', ['sink_id', 'event_id'])
      .execute()
    await db.schema
      .createIndex('notifications_due')
      .on('notifications')
      .columns(['status', 'next_attempt_at'])
      .execute()
    await db.schema.createIndex('builds_finished').on('builds').columns(['finished_at']).execute()
  }
}
