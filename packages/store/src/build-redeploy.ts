import type { Builds } from '@slipway/domain'
import { isQueued } from './build-conditions.ts'
import { touchBuild } from './build-queue.ts'
import { lockHeldBuild, newBuildRow } from './build-rows.ts'
import type { Database, Transaction } from './database.ts'
import { stopReason } from './repositories.ts'
import type { BuildRow, DeploymentRow } from './schema.ts'

/** What is live, or about to be, and came from a build. */
export type Redeployable = DeploymentRow & { repository_id: string; build_id: string; commit: string }

/** Deployments that came from a build and may be made anew: those by API have no repository to do it in. */
export function redeployable(deployments: DeploymentRow[]): Redeployable[] {
  return deployments.flatMap((deployment) => {
    const { repository_id, build_id, commit } = deployment
    return repository_id === null || build_id === null || commit === null
      ? []
      : [{ ...deployment, repository_id, build_id, commit }]
  })
}

/** The build that a deployment came from says which ref it is of; undefined where nothing may be deployed any more. */
async function originOf(tx: Transaction, { build_id: buildId, repository_id: repositoryId }: Redeployable) {
  const repository = await tx
    .selectFrom('repositories')
    .select(['disconnected_at', 'suspended_at'])
    .where('id', '=', repositoryId)
    .executeTakeFirst()
  if (repository === undefined || stopReason(repository) !== null) return undefined
  return tx.selectFrom('builds').select(['ref', 'message']).where('id', '=', buildId).executeTakeFirst()
}

/**
 * One that nobody has begun takes what comes to it: it looks at what is live only when it begins. Its row is locked, and not the
 * repository: who changes a secret holds that already, and a roll-out takes them the other way round.
 */
function findWaiting(tx: Transaction, repositoryId: string, ref: string, commit: string) {
  return tx
    .selectFrom('builds')
    .selectAll()
    .where('repository_id', '=', repositoryId)
    .where('ref', '=', ref)
    .where('commit', '=', commit)
    .where('trigger', '=', 'redeploy')
    .where(isQueued)
    .orderBy('id')
    .limit(1)
    .forUpdate()
    .executeTakeFirst()
}

async function addFunctions(tx: Transaction, buildId: string, names: Iterable<string>): Promise<void> {
  const rows = [...new Set(names)].sort().map((name, position) => ({
    build_id: buildId,
    name,
    position,
    status: 'planned' as const,
    is_reused: 1 as const
  }))
  await tx
    .insertInto('build_functions')
    .values(rows)
    .onConflict((oc) => oc.columns(['build_id', 'name']).doNothing())
    .execute()
}

/**
 * Queues a redeploy of these functions: one build for each repository, ref and commit. It waits for its turn like a push, so that
 * it comes after what is being built, and takes its generation then.
 */
export async function queueRedeploys(
  tx: Transaction,
  deployments: Redeployable[],
  by: string | null,
  now: number
): Promise<BuildRow[]> {
  const groups = Map.groupBy(deployments, ({ repository_id: id, commit }) => `${id} ${commit}`)
  const queued: BuildRow[] = []
  // Always in the same order, so that two changes that concern the same repositories do not wait for each other.
  for (const [, group] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [first] = group
    const origin = first === undefined ? undefined : await originOf(tx, first)
    if (first === undefined || origin === undefined) continue
    const { repository_id: repositoryId, commit, owner_id: ownerId } = first
    const build =
      (await findWaiting(tx, repositoryId, origin.ref, commit)) ??
      (await tx
        .insertInto('builds')
        .values(
          newBuildRow({
            owner_id: ownerId,
            repository_id: repositoryId,
            ref: origin.ref,
            commit,
            trigger: 'redeploy',
            status: 'queued',
            message: origin.message,
            sender: by,
            created_at: now
          })
        )
        .returningAll()
        .executeTakeFirstOrThrow())
    await addFunctions(
      tx,
      build.id,
      group.map(({ function_name: name }) => name)
    )
    await touchBuild(tx, build.id)
    queued.push(build)
  }
  return queued
}

interface LiveFunction {
  name: string
  isPaused: boolean
  deployment: DeploymentRow
}

async function findLive(tx: Transaction, build: BuildRow): Promise<Map<string, LiveFunction>> {
  const rows = await tx
    .selectFrom('build_functions as part')
    .innerJoin('functions as fn', (join) =>
      join.onRef('fn.name', '=', 'part.name').on('fn.owner_id', '=', build.owner_id)
    )
    .innerJoin('deployments', 'deployments.id', 'fn.live_deployment_id')
    .selectAll('deployments')
    .select('fn.is_paused')
    .where('part.build_id', '=', build.id)
    .where('fn.repository_id', '=', build.repository_id)
    .execute()
  return new Map(
    rows.map(({ is_paused: isPaused, ...deployment }) => [
      deployment.function_name,
      { name: deployment.function_name, isPaused: isPaused === 1, deployment }
    ])
  )
}

async function planRedeploy(tx: Transaction, build: BuildRow, now: number): Promise<string[]> {
  const live = await findLive(tx, build)
  const parts = await tx
    .selectFrom('build_functions')
    .select(['name'])
    .where('build_id', '=', build.id)
    .orderBy('position')
    .execute()
  const planned: string[] = []
  const elsewhere: DeploymentRow[] = []
  for (const { name } of parts) {
    const fn = live.get(name)
    const isOther = fn !== undefined && fn.deployment.commit !== build.commit
    if (isOther && !fn.isPaused) elsewhere.push(fn.deployment)
    const reason =
      fn === undefined
        ? 'not live any more'
        : fn.isPaused
          ? 'paused: it is not deployed until it is resumed'
          : isOther
            ? 'another commit of it is live: that is deployed again'
            : null
    if (reason === null) planned.push(name)
    await tx
      .updateTable('build_functions')
      .set(
        fn === undefined || reason !== null
          ? { status: 'skipped', reason, finished_at: now }
          : { status: 'built', spec_json: fn.deployment.spec_json, image_json: fn.deployment.image_json, built_at: now }
      )
      .where('build_id', '=', build.id)
      .where('name', '=', name)
      .execute()
  }
  if (elsewhere.length > 0) await queueRedeploys(tx, redeployable(elsewhere), build.sender, now)
  await touchBuild(tx, build.id)
  return planned
}

export function createRedeploy(database: Database): Pick<Builds, 'planRedeploy'> {
  return {
    planRedeploy: (buildId, holder, now) =>
      database.write(async (tx) => {
        const { build } = await lockHeldBuild(tx, buildId, holder)
        return planRedeploy(tx, build, now)
      })
  }
}
