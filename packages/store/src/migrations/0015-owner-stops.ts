import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Why nothing of an owner is built or deployed: it is not on the allow list, or an administrator suspended it. */
export const ownerStops: Migration = {
  async up(db: Kysely<never>) {
    await sql`alter table owners add column is_listed integer not null default 1`.execute(db)
    await sql`alter table owners add column suspended_at bigint`.execute(db)
    await sql`alter table owners add column suspension_reason text`.execute(db)
  }
}
