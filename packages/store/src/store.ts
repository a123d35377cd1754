import type { Store } from '@slipway/domain'
import { Kysely, sql } from 'kysely'
import { createAccess } from './access.ts'
import { createAccounts } from './accounts.ts'
import { createAudit } from './audit.ts'
import { createAutomaticDeploys } from './automatic-deploys.ts'
import { createBuildQueue } from './build-queue-look.ts'
import { createBuilds } from './builds.ts'
import { createDatabase } from './database.ts'
import { translate } from './database-failure.ts'
import { createDeliveries } from './deliveries.ts'
import { createDeployments } from './deployments.ts'
import { createForgeApps } from './forge-apps.ts'
import { createForgeConnections } from './forge-connections.ts'
import { createFunctionKeys } from './function-keys.ts'
import { createFunctions, createStoredRoutes } from './functions.ts'
import { createHeads } from './heads.ts'
import { createImages } from './images.ts'
import { createLimits } from './limits.ts'
import { createLogs } from './logs.ts'
import { createMemberships } from './memberships.ts'
import { migrate } from './migrate.ts'
import { createNotifications } from './notifications.ts'
import { createNulPlugin } from './nul.ts'
import { createOwners } from './owners.ts'
import { createPostgresDialect } from './postgres-dialect.ts'
import { createRemovals } from './removals.ts'
import { createReports } from './reports.ts'
import { createRepositories } from './repositories.ts'
import { createRetention } from './retention.ts'
import { createSchedules } from './schedules.ts'
import type { Schema } from './schema.ts'
import { createSealingKeys } from './sealing-keys.ts'
import { createSecrets } from './secrets.ts'
import { createServices, sizeQueries } from './services.ts'
import { createSessions, createTickets } from './sessions.ts'
import { createSettings } from './settings.ts'
import { createSqliteDialect } from './sqlite-dialect.ts'
import { createTokens } from './tokens.ts'
import { createTraffic } from './traffic.ts'
import { createVariables } from './variables.ts'

export interface StoreConfig {
  /** `DATABASE_URL` of a PostgreSQL; null: the SQLite file. */
  url: string | null
  /** Path of the SQLite file; its folder is made when it is missing. */
  file: string
}

/**
 * Opens the system of record, and brings its tables to what this program expects.
 *
 * @throws Failure `unavailable` when the database is away, `invalid-configuration` when it refuses us or is newer than the program.
 */
export async function createStore({ url, file }: StoreConfig): Promise<Store> {
  const db = url === null ? new Kysely<Schema>({ dialect: createSqliteDialect(file) }) : await openPostgres(url)
  try {
    // On SQLite the transaction is the lock among processes that start at once; PostgreSQL's migrator takes one of its own.
    await (url === null ? db.transaction().execute(migrate) : migratePostgres(url))
  } catch (err) {
    await db.destroy()
    throw translate(err)
  }
  const database = createDatabase(db)
  const routes = createStoredRoutes(database)
  return {
    deliveries: createDeliveries(database),
    owners: createOwners(database),
    repositories: { ...createRepositories(database), ...createAutomaticDeploys(database) },
    builds: createBuilds(database),
    queue: createBuildQueue(database),
    heads: createHeads(database),
    removals: createRemovals(database),
    functions: createFunctions(database, routes),
    deployments: createDeployments(database),
    images: createImages(database),
    limits: createLimits(database),
    logs: createLogs(database),
    reports: createReports(database),
    audit: createAudit(database),
    settings: createSettings(database),
    services: createServices(database, url === null ? sizeQueries.sqlite : sizeQueries.postgres),
    variables: createVariables(database),
    schedules: createSchedules(database),
    secrets: createSecrets(database),
    sealingKeys: createSealingKeys(database),
    forgeApps: createForgeApps(database),
    forgeConnections: createForgeConnections(database),
    notifications: createNotifications(database),
    access: createAccess(database),
    functionKeys: createFunctionKeys(database, routes.keys),
    traffic: createTraffic(database),
    tokens: createTokens(database),
    retention: createRetention(database),
    accounts: createAccounts(database),
    sessions: createSessions(database),
    tickets: createTickets(database),
    memberships: createMemberships(database),
    ping: () =>
      database.read(async (db) => {
        await sql`select 1`.execute(db)
      }),
    close: () => db.destroy()
  }
}

async function openPostgres(url: string): Promise<Kysely<Schema>> {
  const dialect = await createPostgresDialect(url, { maxConnections: 10, statementTimeoutMs: 3000 })
  return new Kysely<Schema>({ dialect, plugins: [createNulPlugin()] })
}

/** On a connection of its own: a migration may take longer than any other statement may, and waits for one that runs. */
async function migratePostgres(url: string): Promise<void> {
  const dialect = await createPostgresDialect(url, { maxConnections: 1, statementTimeoutMs: 0 })
  const db = new Kysely<Schema>({ dialect })
  try {
    await migrate(db)
  } finally {
    await db.destroy()
  }
}
