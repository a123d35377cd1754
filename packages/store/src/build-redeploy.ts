import { type Builds, Failure, type NewRedeploy } from '@slipway/domain'
import { newBuildRow, toBuild } from './build-rows.ts'
import type { Database, Transaction } from './database.ts'
import { lockRepository, stopReason } from './repositories.ts'
import type { BuildRow, DeploymentRow, RepositoryRow } from './schema.ts'

/** What is live of the named functions, in the order given. @throws Failure `conflict` */
async function findLive(tx: Transaction, repositoryId: string, names: string[]): Promise<DeploymentRow[]> {
  const rows = await tx
    .selectFrom('functions')
    .innerJoin('deployments as live', 'live.id', 'functions.live_deployment_id')
    .selectAll('live')
    .where('functions.repository_id', '=', repositoryId)
    .where('functions.name', 'in', names)
    .execute()
  return names.map((name) => {
    const live = rows.find((row) => row.function_name === name)
    if (live === undefined) throw new Failure('conflict', `"${name}" is not live: there is nothing to deploy again`)
    return live
  })
}

/** One that nobody has begun: it will see the configuration of then, and so do whoever asks for it again. */
function findWaiting(tx: Transaction, { repositoryId, trigger }: NewRedeploy): Promise<BuildRow | undefined> {
  return tx
    .selectFrom('builds')
    .selectAll()
    .where('repository_id', '=', repositoryId)
    .where('trigger', '=', trigger)
    .where('status', '=', 'deploying')
    .where('lease_holder', 'is', null)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('build_functions')
            .select('name')
            .whereRef('build_id', '=', 'builds.id')
            .where('deployment_id', 'is not', null)
        )
      )
    )
    .orderBy('id', 'desc')
    .limit(1)
    .forUpdate()
    .executeTakeFirst()
}

async function makeBuild(
  tx: Transaction,
  repository: RepositoryRow,
  { trigger, by, message }: NewRedeploy,
  live: DeploymentRow[],
  now: number
): Promise<BuildRow> {
  const [newest] = live.toSorted((a, b) => b.generation - a.generation)
  const made =
    newest?.build_id == null
      ? undefined
      : await tx.selectFrom('builds').select(['ref', 'commit']).where('id', '=', newest.build_id).executeTakeFirst()
  return tx
    .insertInto('builds')
    .values(
      newBuildRow({
        owner_id: newest?.owner_id ?? repository.owner_id,
        repository_id: repository.id,
        ref: made?.ref ?? `refs/heads/${repository.default_branch}`,
        commit: newest?.commit ?? made?.commit ?? '',
        trigger,
        status: 'deploying',
        // None of its own: each deployment has the generation of the one whose place it takes.
        generation: repository.generation,
        message,
        sender: by,
        created_at: now,
        started_at: now,
        deploying_at: now
      })
    )
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Makes the build, or adds to one that waits. */
export async function insertRedeploy(
  tx: Transaction,
  repository: RepositoryRow,
  redeploy: NewRedeploy,
  live: DeploymentRow[],
  now: number
): Promise<BuildRow> {
  const build = (await findWaiting(tx, redeploy)) ?? (await makeBuild(tx, repository, redeploy, live, now))
  await tx
    .insertInto('build_functions')
    .values(
      live.map((deployment, position) => ({
        build_id: build.id,
        name: deployment.function_name,
        position,
        status: 'built' as const,
        spec_json: deployment.spec_json,
        image_json: deployment.image_json,
        is_reused: 1 as const,
        started_at: now,
        built_at: now
      }))
    )
    .onConflict((oc) => oc.columns(['build_id', 'name']).doNothing())
    .execute()
  return build
}

/**
 * Queues redeploys of live deployments whose configuration changed: one build for each repository. Those by API have no
 * repository to do it in, and what may not be deployed is left alone. Repositories are not locked: whoever changes a
 * configuration holds that already, and a roll-out takes them the other way round.
 */
export async function queueRedeploys(
  tx: Transaction,
  live: DeploymentRow[],
  about: { by: string | null; message: string },
  now: number
): Promise<BuildRow[]> {
  const groups = Map.groupBy(live, ({ repository_id: id }) => id ?? '')
  const queued: BuildRow[] = []
  // Always in the same order, so that two changes that concern the same repositories do not wait for each other.
  for (const [repositoryId, deployments] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const repository = await tx.selectFrom('repositories').selectAll().where('id', '=', repositoryId).executeTakeFirst()
    if (repository === undefined || (await stopReason(tx, repository)) !== null) continue
    const functions = deployments.map(({ function_name: name }) => name)
    const redeploy: NewRedeploy = { repositoryId, functions, trigger: 'configuration', ...about }
    queued.push(await insertRedeploy(tx, repository, redeploy, deployments, now))
  }
  return queued
}

export function createRedeploys(database: Database): Pick<Builds, 'queueRedeploy'> {
  return {
    queueRedeploy: (redeploy, now) =>
      database.write(async (tx) => {
        if (redeploy.functions.length === 0) throw new Failure('invalid-request', 'no function was named')
        const repository = await lockRepository(tx, redeploy.repositoryId)
        const stopped = await stopReason(tx, repository)
        if (stopped !== null) throw new Failure('conflict', `${stopped}: nothing of it can be deployed`)
        const live = await findLive(tx, repository.id, [...new Set(redeploy.functions)])
        return toBuild(await insertRedeploy(tx, repository, redeploy, live, now))
      })
  }
}
