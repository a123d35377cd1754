import type { Removal, Removals } from '@slipway/domain'
import type { Database, Reader, Transaction } from './database.ts'
import { drain } from './deployment-rows.ts'
import { bumpRoutes } from './functions.ts'
import { newId } from './ids.ts'
import { lockRepository, nextGeneration, stopBuilds, toRepository } from './repositories.ts'

async function lostRepositories(db: Reader, until: number, limit: number): Promise<Removal[]> {
  const rows = await db
    .selectFrom('repositories')
    .selectAll()
    .where('disconnected_at', '<=', until)
    .where('removed_at', 'is', null)
    .where('suspended_at', 'is', null)
    .orderBy('disconnected_at')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ repository: toRepository(row), ref: null, since: row.disconnected_at ?? until }))
}

async function lostRefs(db: Reader, until: number, limit: number): Promise<Removal[]> {
  const rows = await db
    .selectFrom('ref_observations as seen')
    .innerJoin('repositories', 'repositories.id', 'seen.repository_id')
    .selectAll('repositories')
    .select(['seen.ref', 'seen.gone_at'])
    .where('seen.gone_at', '<=', until)
    .where('repositories.disconnected_at', 'is', null)
    .where('repositories.suspended_at', 'is', null)
    .orderBy('seen.gone_at')
    .limit(limit)
    .execute()
  return rows.map(({ ref, gone_at: since, ...row }) => ({ repository: toRepository(row), ref, since: since ?? until }))
}

/** True while what the removal was decided by still stands. */
async function isStillDue(tx: Transaction, { repository: { id }, ref, since }: Removal): Promise<boolean> {
  const row = await lockRepository(tx, id)
  if (ref === null) return row.disconnected_at === since && row.removed_at === null && row.suspended_at === null
  if (row.disconnected_at !== null || row.suspended_at !== null) return false
  const seen = await tx
    .selectFrom('ref_observations')
    .select('gone_at')
    .where('repository_id', '=', id)
    .where('ref', '=', ref)
    .executeTakeFirst()
  return seen?.gone_at === since
}

/** All of the repository's functions get a new generation, so that nothing that is under way brings one back; returns those that were live. */
async function takeOutOfService(tx: Transaction, repositoryId: string, now: number): Promise<string[]> {
  const generation = await nextGeneration(tx, repositoryId)
  const functions = await tx
    .selectFrom('functions')
    .leftJoin('deployments as live', 'live.id', 'functions.live_deployment_id')
    .select(['functions.owner_id', 'functions.name', 'functions.cluster_name', 'functions.live_deployment_id'])
    .where('functions.repository_id', '=', repositoryId)
    .where((eb) => eb.or([eb('live.source', 'is', null), eb('live.source', '=', 'git')]))
    .orderBy('functions.name')
    .forUpdate('functions')
    .execute()
  for (const fn of functions) {
    await drain(tx, fn.live_deployment_id)
    await tx
      .updateTable('functions')
      .set({ live_deployment_id: null, generation, updated_at: now })
      .where('owner_id', '=', fn.owner_id)
      .where('name', '=', fn.name)
      .execute()
  }
  return functions.flatMap((fn) => (fn.live_deployment_id === null ? [] : fn.cluster_name))
}

async function remove(tx: Transaction, removal: Removal, reason: string, now: number): Promise<string[] | null> {
  if (!(await isStillDue(tx, removal))) return null
  const { repository, ref, since } = removal
  if (ref === null) await stopBuilds(tx, repository.id, reason, now)
  const names = await takeOutOfService(tx, repository.id, now)
  let seen = tx.deleteFrom('ref_observations').where('repository_id', '=', repository.id)
  if (ref !== null) seen = seen.where('ref', '=', ref)
  await seen.execute()
  if (ref === null) {
    await tx.updateTable('repositories').set({ removed_at: now }).where('id', '=', repository.id).execute()
  }
  if (names.length === 0) return names
  await bumpRoutes(tx)
  await tx
    .insertInto('audit')
    .values({
      id: newId(),
      at: now,
      actor: 'slipway',
      action: 'remove-functions',
      owner_id: repository.ownerId,
      resource: `repository/${repository.id}`,
      detail_json: JSON.stringify({ repository: repository.fullName, reason, since, functions: names })
    })
    .execute()
  return names
}

export function createRemovals(database: Database): Removals {
  return {
    due: (until, limit) =>
      database.read(async (db) => [
        ...(await lostRepositories(db, until, limit)),
        ...(await lostRefs(db, until, limit))
      ]),
    remove: (removal, reason, now) => database.write((tx) => remove(tx, removal, reason, now)),
    forget: (repositoryId, ref) =>
      database.write(async (tx) => {
        await tx
          .deleteFrom('ref_observations')
          .where('repository_id', '=', repositoryId)
          .where('ref', '=', ref)
          .execute()
      })
  }
}
