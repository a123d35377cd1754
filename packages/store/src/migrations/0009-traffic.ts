import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

const text = 'text'
const number = 'bigint'

interface Tables {
  counters: { name: string; value: number }
}

/** What gateways counted: by minutes for charts of now, by hours for those of the month. */
export const traffic: Migration = {
  async up(db: Kysely<Tables>) {
    for (const table of ['traffic_minutes', 'traffic_hours']) {
      await db.schema
        .createTable(table)
        .addColumn('owner_id', text, (c) => c.notNull().references('owners.id'))
        .addColumn('function_name', text, (c) => c.notNull())
        .addColumn('at', number, (c) => c.notNull())
        .addColumn('calls', number, (c) => c.notNull())
        .addColumn('errors', number, (c) => c.notNull())
        .addColumn('running', number, (c) => c.notNull())
        .addColumn('codes_json', text, (c) => c.notNull())
        .addColumn('latency_json', text, (c) => c.notNull())
        .addPrimaryKeyConstraint(`${table}_pk`, ['owner_id', 'function_name', 'at'])
        .execute()
      await db.schema.createIndex(`${table}_at`).on(table).columns(['at']).execute()
    }
    await db.schema
      .createTable('traffic_senders')
      .addColumn('sender', text, (c) => c.primaryKey())
      .addColumn('number', number, (c) => c.notNull())
      .addColumn('at', number, (c) => c.notNull())
      .execute()
    await db.insertInto('counters').values({ name: 'traffic', value: 0 }).execute()
  }
}
