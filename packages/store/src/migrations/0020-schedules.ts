import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** When each function that is called by itself was last due, and what became of it. */
export const schedules: Migration = {
  async up(db: Kysely<never>) {
    await db.schema
      .createTable('schedule_runs')
      .addColumn('owner_id', 'text', (c) => c.notNull())
      .addColumn('function_name', 'text', (c) => c.notNull())
      .addColumn('at', 'bigint', (c) => c.notNull())
      .addColumn('outcome', 'text', (c) => c.notNull())
      .addColumn('reason', 'text')
      .addColumn('call_id', 'text')
      .addPrimaryKeyConstraint('schedule_runs_key', ['owner_id', 'function_name'])
      .execute()
  }
}
