import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Which failure ended a build, for programs. */
export const failureCodes: Migration = {
  async up(db: Kysely<never>) {
    await sql`alter table builds add column failure_code text`.execute(db)
  }
}
