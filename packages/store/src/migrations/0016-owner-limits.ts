import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** What an owner may have, where that is not what everybody may; and what pushed images take in the registry. */
export const ownerLimits: Migration = {
  async up(db: Kysely<never>) {
    await sql`alter table owners add column limits_json text`.execute(db)
    await sql`alter table pushed_images add column layers_json text`.execute(db)
  }
}
