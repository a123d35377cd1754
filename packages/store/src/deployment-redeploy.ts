import { firstReplicas, startsOnCall } from '@slipway/domain'
import { queueRedeploys } from './build-redeploy.ts'
import type { Transaction } from './database.ts'
import { configurationNow, isStale } from './deployment-configuration.ts'
import { toDeployment } from './deployment-rows.ts'
import { newId } from './ids.ts'
import type { BuildRow, DeploymentRow, FunctionRow } from './schema.ts'

/** The function of the build's repository with what is live of it, locked; undefined when nothing is. */
async function findLive(
  tx: Transaction,
  { repository_id: repositoryId }: Pick<BuildRow, 'repository_id'>,
  name: string
): Promise<{ base: DeploymentRow; isPaused: boolean } | undefined> {
  const fn = await tx
    .selectFrom('functions')
    .select(['live_deployment_id', 'is_paused'])
    .where('repository_id', '=', repositoryId)
    .where('name', '=', name)
    .forUpdate()
    .executeTakeFirst()
  if (fn === undefined || fn.live_deployment_id === null) return undefined
  const base = await tx
    .selectFrom('deployments')
    .selectAll()
    .where('id', '=', fn.live_deployment_id)
    .executeTakeFirstOrThrow()
  return { base, isPaused: fn.is_paused === 1 }
}

/** What is live of a function, to be deployed anew; null, and the reason with the function, when there is nothing to do. */
export async function remakeLive(
  tx: Transaction,
  build: BuildRow,
  name: string,
  now: number
): Promise<DeploymentRow | null> {
  const live = await findLive(tx, build, name)
  const isLeftAlone = live?.isPaused === true && build.trigger === 'configuration'
  if (live === undefined || isLeftAlone) {
    const reason = isLeftAlone ? 'paused: the new configuration waits until it is resumed' : 'it is not live any more'
    await tx
      .updateTable('build_functions')
      .set({ status: 'skipped', reason, finished_at: now })
      .where('build_id', '=', build.id)
      .where('name', '=', name)
      .execute()
    return null
  }
  const { base } = live
  await tx
    .updateTable('build_functions')
    .set({ image_json: base.image_json })
    .where('build_id', '=', build.id)
    .where('name', '=', name)
    .execute()
  return {
    ...base,
    id: newId(),
    build_id: build.id,
    ...(await configurationNow(tx, build.id, base)),
    redeploy_of: base.id,
    replicas: isAsleep(base) ? firstReplicas(toDeployment(base).spec) : base.replicas,
    status: 'starting',
    endpoints_json: '[]',
    reason: null,
    created_at: now,
    live_at: null,
    ended_at: null
  }
}

/** It has no replica until somebody calls it: whether the new configuration is any good is seen by one that runs. */
function isAsleep({ replicas, labels_json: labels }: DeploymentRow): boolean {
  return replicas === 0 && startsOnCall(JSON.parse(labels) as Record<string, string>)
}

/**
 * What went live was prepared before somebody changed its configuration: it is deployed again. Whoever changed it looked only at
 * what was live then.
 */
export async function redeployStale(
  tx: Transaction,
  build: BuildRow,
  steps: { deployment: DeploymentRow; fn: FunctionRow }[],
  now: number
): Promise<void> {
  const stale: DeploymentRow[] = []
  for (const { deployment, fn } of steps) {
    if (fn.is_paused === 1) continue
    if (await isStale(tx, build.id, deployment)) stale.push(deployment)
  }
  const about = { by: null, message: 'its configuration changed while it was rolled out' }
  if (stale.length > 0) await queueRedeploys(tx, stale, about, now)
}
