import { type BuildFunction, type BuildStatus, type Builds, Failure, type SourceLocation } from '@slipway/domain'
import { createAdmission } from './build-admission.ts'
import { createClaims } from './build-claim.ts'
import { isActive, isQueued } from './build-conditions.ts'
import { endBuild } from './build-end.ts'
import { createBuildLife } from './build-life.ts'
import { queueBuild, touchBuild } from './build-queue.ts'
import { createRedeploys } from './build-redeploy.ts'
import { createRollback } from './build-rollback.ts'
import { findBuild, lockBuild, parseOrNull, toBuild, toBuildFunction } from './build-rows.ts'
import { createUploadBuilds } from './build-upload.ts'
import type { Database } from './database.ts'
import { isLeased } from './moments.ts'
import { findOwnerStop } from './owner-rows.ts'
import { lockRepository } from './repositories.ts'
import type { BuildFunctionRow } from './schema.ts'
import { visibleByRepository } from './visible.ts'

const columns = { ownerId: 'builds.owner_id', repositoryId: 'builds.repository_id' }

/** The columns of a change: what is not mentioned stays. */
function changedColumns(change: Partial<Omit<BuildFunction, 'buildId' | 'name'>>): Partial<BuildFunctionRow> {
  const columns: Partial<BuildFunctionRow> = {}
  if (change.status !== undefined) columns.status = change.status
  if (change.reason !== undefined) columns.reason = change.reason
  if (change.spec !== undefined) columns.spec_json = change.spec === null ? null : JSON.stringify(change.spec)
  if (change.contentKey !== undefined) columns.content_key = change.contentKey
  if (change.image !== undefined) columns.image_json = change.image === null ? null : JSON.stringify(change.image)
  if (change.isReused !== undefined) columns.is_reused = change.isReused ? 1 : 0
  if (change.deploymentId !== undefined) columns.deployment_id = change.deploymentId
  if (change.startedAt !== undefined) columns.started_at = change.startedAt
  if (change.builtAt !== undefined) columns.built_at = change.builtAt
  if (change.finishedAt !== undefined) columns.finished_at = change.finishedAt
  return columns
}

type Questions = 'get' | 'list' | 'functions' | 'failureLocation' | 'failureCode' | 'counts'

function createQuestions(database: Database): Pick<Builds, Questions> {
  return {
    get: (id) =>
      database.read(async (db) => {
        const row = await db.selectFrom('builds').selectAll().where('id', '=', id).executeTakeFirst()
        return row === undefined ? null : toBuild(row)
      }),
    list: (whose, { repositoryId, ref, commit, status }, { before, limit }) =>
      database.read(async (db) => {
        let query = db.selectFrom('builds').selectAll().orderBy('id', 'desc').limit(limit)
        if (whose !== null) query = query.where(visibleByRepository(whose, columns))
        if (repositoryId !== undefined) query = query.where('repository_id', '=', repositoryId)
        if (ref !== undefined) query = query.where('ref', '=', ref)
        if (commit !== undefined) query = query.where('commit', '=', commit)
        if (status !== undefined) query = query.where('status', '=', status)
        if (before !== null) query = query.where('id', '<', before)
        return (await query.execute()).map(toBuild)
      }),
    functions: (buildId) =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom('build_functions')
          .selectAll()
          .where('build_id', '=', buildId)
          .orderBy('position')
          .orderBy('name')
          .execute()
        return rows.map(toBuildFunction)
      }),
    failureLocation: (buildId) =>
      database.read(async (db) => {
        const { failure_location_json: location } = await findBuild(db, buildId)
        return parseOrNull(location) as SourceLocation | null
      }),
    failureCode: (buildId) => database.read(async (db) => (await findBuild(db, buildId)).failure_code),
    counts: () =>
      database.read(async (db) => {
        const counts: Record<BuildStatus, number> = {
          queued: 0,
          building: 0,
          deploying: 0,
          live: 0,
          failed: 0,
          error: 0,
          superseded: 0,
          cancelled: 0,
          skipped: 0
        }
        // Only what has not ended is counted: that is the question, and the history may be long.
        const rows = await db
          .selectFrom('builds')
          .select((eb) => ['status', eb.fn.countAll<number>().as('count')])
          .where(isActive)
          .where('status', '!=', 'queued')
          .groupBy('status')
          .unionAll(
            db
              .selectFrom('builds')
              .select((eb) => ['status', eb.fn.countAll<number>().as('count')])
              .where(isQueued)
              .groupBy('status')
          )
          .execute()
        for (const { status, count } of rows) counts[status] = count
        return counts
      })
  }
}

type Changes = 'queue' | 'updateFunction' | 'requestCancel'

function createChanges(database: Database): Pick<Builds, Changes> {
  return {
    queue: (build, now) =>
      database.write(async (tx) => {
        const repository = await lockRepository(tx, build.repositoryId)
        const stop = await findOwnerStop(tx, repository.owner_id)
        if (stop !== null) throw new Failure('conflict', `${stop}: nothing of it can be built`)
        return toBuild(await queueBuild(tx, repository, build, now))
      }),
    updateFunction: (buildId, name, change) =>
      database.write(async (tx) => {
        await touchBuild(tx, buildId)
        const columns = changedColumns(change)
        if (Object.keys(columns).length === 0) return
        const { numUpdatedRows } = await tx
          .updateTable('build_functions')
          .set(columns)
          .where('build_id', '=', buildId)
          .where('name', '=', name)
          .executeTakeFirst()
        if (numUpdatedRows === 0n) throw new Failure('not-found', `build ${buildId} has no function "${name}"`)
      }),
    requestCancel: (buildId, by, now) =>
      database.write(async (tx) => {
        const { build } = await lockBuild(tx, buildId)
        const reason = `cancelled by ${by}`
        if (build.finished_at !== null) {
          throw new Failure('conflict', `the build has ended already: it is ${build.status}`)
        }
        if (!isLeased(build.lease_until, now)) {
          await endBuild(tx, build, { status: 'cancelled', reason }, now)
          await tx.updateTable('builds').set({ cancel_requested_at: now }).where('id', '=', buildId).execute()
        } else if (build.cancel_requested_at === null) {
          await tx
            .updateTable('builds')
            .set((eb) => ({ cancel_requested_at: now, reason, version: eb('version', '+', 1) }))
            .where('id', '=', buildId)
            .execute()
        }
        return toBuild(await findBuild(tx, buildId))
      })
  }
}

export function createBuilds(database: Database): Builds {
  return {
    ...createQuestions(database),
    ...createChanges(database),
    ...createAdmission(database),
    ...createClaims(database),
    ...createBuildLife(database),
    ...createUploadBuilds(database),
    ...createRollback(database),
    ...createRedeploys(database)
  }
}
