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
import { services } from './migrations/0017-services.ts'
import { scaling } from './migrations/0018-scaling.ts'
import { automaticDeploys } from './migrations/0019-automatic-deploys.ts'
import { schedules } from './migrations/0020-schedules.ts'
import { failureCodes } from './migrations/0021-failure-codes.ts'
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
  '0016-owner-limits': ownerLimits,
  '0017-services': services,
  '0018-scaling': scaling,
  '0019-automatic-deploys': automaticDeploys,
  '0020-schedules': schedules,
  '0021-failure-codes': failureCodes
}

/**
 * Programs that know this migration may be started beside this one, on a database that this one migrated: what came after it only
 * added. A migration that takes away what nothing needs any more raises it to the one since which nothing does.
 */
const oldestProgram = 16

/**
 * Brings a database to what this program expects. Several processes may do so at once: the migrator waits for the one that is first.
 * What a newer program added is left alone, if that says that this one may go on: a service that is started again in the middle of
 * an upgrade, or after one that was taken back.
 *
 * @throws Failure `invalid-configuration` when the database was written by a program that is too new.
 */
export async function migrate(db: Kysely<Schema>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } })
  const { error } = await migrator.migrateToLatest()
  if (error === undefined) return await noteOldestProgram(db)
  if (translate(error) instanceof Failure) throw error
  const executed = await executedMigrations(db)
  const strangers = executed.filter((name) => migrations[name] === undefined)
  if (strangers.length > 0) {
    const isComplete = Object.keys(migrations).every((name) => executed.includes(name))
    if (isComplete && (await isNewEnough(db))) return
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

async function noteOldestProgram(db: Kysely<Schema>): Promise<void> {
  const value = await readOldestProgram(db)
  if (value !== null && value >= oldestProgram) return
  await db
    .insertInto('counters')
    .values({ name: 'oldest-program', value: oldestProgram })
    .onConflict((oc) => oc.column('name').doUpdateSet({ value: oldestProgram }))
    .execute()
}

async function isNewEnough(db: Kysely<Schema>): Promise<boolean> {
  const newest = Object.keys(migrations).at(-1) ?? ''
  const oldest = await readOldestProgram(db)
  return oldest !== null && Number.parseInt(newest, 10) >= oldest
}

async function readOldestProgram(db: Kysely<Schema>): Promise<number | null> {
  const row = await db.selectFrom('counters').select('value').where('name', '=', 'oldest-program').executeTakeFirst()
  return row?.value ?? null
}
