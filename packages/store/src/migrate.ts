import { Failure } from '@slipway/domain'
import { type Kysely, sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { translate } from './database-failure.ts'
import { systemOfRecord } from './migrations/0001-system-of-record.ts'
import { secrets } from './migrations/0002-secrets.ts'
import { pushedImages } from './migrations/0003-pushed-images.ts'
import { redeploys } from './migrations/0004-redeploys.ts'
import { reconciler } from './migrations/0005-reconciler.ts'
import { variables } from './migrations/0006-variables.ts'
import { forgeApps } from './migrations/0007-forge-apps.ts'
import { accounts } from './migrations/0008-accounts.ts'
import { traffic } from './migrations/0009-traffic.ts'
import { tokens } from './migrations/0010-tokens.ts'
import { buildIsolation } from './migrations/0011-build-isolation.ts'
import { access } from './migrations/0012-access.ts'
import { publicPages } from './migrations/0013-public-pages.ts'
import { notifications } from './migrations/0014-notifications.ts'
import { ownerStops } from './migrations/0015-owner-stops.ts'
import { ownerLimits } from './migrations/0016-owner-limits.ts'
import type { Schema } from './schema.ts'

/** In order of their names, forward only: an entry that was released never changes, a change is a new entry. */
export const migrations: Record<string, Migration> = {
  '0001-system-of-record': systemOfRecord,
  '0002-secrets': secrets,
  '0003-pushed-images': pushedImages,
  '0004-redeploys': redeploys,
  '0005-reconciler': reconciler,
  '0006-variables': variables,
  '0007-forge-apps': forgeApps,
  '0008-accounts': accounts,
  '0009-traffic': traffic,
  '0010-tokens': tokens,
  '0011-build-isolation': buildIsolation,
  '0012-access': access,
  '0013-public-pages': publicPages,
  '0014-notifications': notifications,
  '0015-owner-stops': ownerStops,
  '0016-owner-limits': ownerLimits
}

/**
 * Brings a database to what this program expects. Several processes may do so at once: the migrator waits for the one that is first.
 *
 * @throws Failure `invalid-configuration` when the database was written by a newer program.
 */
export async function migrate(db: Kysely<Schema>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } })
  const { error } = await migrator.migrateToLatest()
  if (error === undefined) return
  if (translate(error) instanceof Failure) throw error
  const strangers = (await executedMigrations(db)).filter((name) => migrations[name] === undefined)
  if (strangers.length > 0) {
    throw new Failure(
      'invalid-configuration',
      `the database is newer than this program (it knows ${strangers.join(', ')}): start the version that wrote it, or a newer one`,
      { cause: error }
    )
  }
  throw error
}

async function executedMigrations(db: Kysely<Schema>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
  return rows.map((row) => row.name)
}
