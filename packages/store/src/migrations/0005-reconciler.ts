import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** What the reconciler knows: policies, what was seen at forges and by whom, and since when something is gone. */
export const reconciler: Migration = {
  async up(db: Kysely<never>) {
    for (const [column, rest] of [
      ['policy', "text not null default 'wait'"],
      ['removed_at', 'bigint'],
      ['seen_by', 'text'],
      ['connection_seen_by', 'text']
    ]) {
      await sql`alter table repositories add column ${sql.ref(column ?? '')} ${sql.raw(rest ?? '')}`.execute(db)
    }
    await sql`alter table ref_observations add column gone_at bigint`.execute(db)
    await sql`alter table builds add column is_overtaken integer not null default 0`.execute(db)
    await sql`create index repositories_lost on repositories (disconnected_at)
      where disconnected_at is not null and removed_at is null`.execute(db)
    await sql`create index ref_observations_gone on ref_observations (gone_at) where gone_at is not null`.execute(db)
  }
}
