import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** How an owner's builds are kept apart; null: as the installation does. */
export const buildIsolation: Migration = {
  async up(db: Kysely<never>) {
    await sql`alter table owners add column build_isolation text`.execute(db)
  }
}
