import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Whether somebody chose how many replicas a deployment has: load and idleness leave that alone. */
export const scaling: Migration = {
  async up(db: Kysely<never>) {
    await sql`alter table deployments add column is_scaled_by_hand integer not null default 0`.execute(db)
  }
}
