import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Whether pushes of a repository are built by themselves. */
export const automaticDeploys: Migration = {
  async up(db: Kysely<never>) {
    await sql`alter table repositories add column is_automatic integer not null default 1`.execute(db)
  }
}
