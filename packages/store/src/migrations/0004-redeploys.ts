import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const redeploys: Migration = {
  async up(db: Kysely<never>) {
    await db.schema.alterTable('deployments').addColumn('declared_spec_json', 'text').execute()
    await db.schema.alterTable('deployments').addColumn('redeploy_of', 'text').execute()
  }
}
