import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

export const publicPages: Migration = {
  async up(db: Kysely<never>) {
    await sql`alter table repositories add column has_public_pages integer not null default 0`.execute(db)
    await sql`create index repositories_public on repositories (owner_id)
      where has_public_pages = 1 and is_private = 0`.execute(db)
  }
}
