import { type Deployments, Failure, isRedeploy, isUploaded, type SwitchResult } from '@slipway/domain'
import { endBuild } from './build-end.ts'
import { touchBuild } from './build-queue.ts'
import { assertWanted, leaseLost, lockBuild } from './build-rows.ts'
import type { Database, Transaction } from './database.ts'
import { redeployStale } from './deployment-redeploy.ts'
import { drain, toDeployment } from './deployment-rows.ts'
import { bumpRoutes } from './functions.ts'
import type { BuildRow, DeploymentRow, FunctionRow } from './schema.ts'
import { publishSealed } from './secret-seal.ts'

type Change = Parameters<Deployments['switchLive']>[2]

interface Step {
  deployment: DeploymentRow
  fn: FunctionRow
}

/**
 * What is to be switched, with its functions locked; null when one of them may not be: it was ended meanwhile,
 * or its function was switched by a higher generation or belongs to another repository now. Functions that are out of the build's
 * reach because somebody paused, rolled back or removed them are passed over.
 */
async function findSteps(
  tx: Transaction,
  build: BuildRow,
  deploymentIds: string[]
): Promise<{ steps: Step[]; passedOver: string[] } | null> {
  const steps: Step[] = []
  const passedOver: string[] = []
  if (deploymentIds.length === 0) return { steps, passedOver }
  const deployments = await tx
    .selectFrom('deployments')
    .selectAll()
    .where('id', 'in', deploymentIds)
    .orderBy('function_name')
    .forUpdate()
    .execute()
  if (deployments.length !== new Set(deploymentIds).size) return null
  for (const deployment of deployments) {
    const stays = deployment.build_id !== build.id
    if (!stays && !isUsable(build, deployment)) return null
    const fn = await tx
      .selectFrom('functions')
      .selectAll()
      .where('owner_id', '=', deployment.owner_id)
      .where('name', '=', deployment.function_name)
      .where('repository_id', '=', build.repository_id)
      .forUpdate()
      .executeTakeFirst()
    if (fn === undefined || (isRedeploy(build.trigger) && !isStillInPlace(deployment, fn))) return null
    // Equal is this build itself, which may switch a function again after a retry. A redeploy goes by what it takes the place of.
    const isFenced = !isRedeploy(build.trigger) && fn.generation > (build.generation ?? 0)
    const isHeld = fn.is_paused === 1 && build.trigger !== 'rollback' && !isRedeploy(build.trigger)
    if (isHeld || (isFenced && fn.live_deployment_id === null)) passedOver.push(fn.name)
    else if (isFenced) return null
    else if (stays && fn.live_deployment_id !== deployment.id) throw isGone(fn)
    else steps.push({ deployment, fn })
  }
  return { steps, passedOver }
}

function isUsable(build: BuildRow, { status, generation }: DeploymentRow): boolean {
  return (status === 'starting' || status === 'live') && (isRedeploy(build.trigger) || generation === build.generation)
}

/** What was to stay live did not, and nothing newer than this build has taken its place. */
function isGone({ name }: FunctionRow): Failure {
  return new Failure('unavailable', `${name} was to stay as it is, and is another by now: it is looked at again`)
}

/** A redeploy takes the place of what it was made of. Whatever else is live by now was made later, or was asked for. */
function isStillInPlace(deployment: DeploymentRow, fn: FunctionRow): boolean {
  const { live_deployment_id: liveId } = fn
  return liveId !== null && (liveId === deployment.redeploy_of || liveId === deployment.id)
}

/**
 * Which commit a function stands for once it is switched, and what may not come after it. What stays is of this build's commit too;
 * a redeploy has those of what it takes the place of, which a build may have let stay in the meantime.
 */
async function standingOf(
  tx: Transaction,
  build: BuildRow,
  { deployment, fn }: Step
): Promise<Pick<DeploymentRow, 'commit' | 'generation'>> {
  if (isRedeploy(build.trigger) && fn.live_deployment_id !== null) {
    return tx
      .selectFrom('deployments')
      .select(['commit', 'generation'])
      .where('id', '=', fn.live_deployment_id)
      .executeTakeFirstOrThrow()
  }
  const stays = deployment.build_id !== build.id
  const { commit, generation } = stays ? build : deployment
  return { commit, generation: generation ?? fn.generation }
}

async function setLive(
  tx: Transaction,
  build: BuildRow,
  { deployment, fn }: Step,
  pause: boolean,
  now: number
): Promise<DeploymentRow[]> {
  const isNew = fn.live_deployment_id !== deployment.id
  const stays = deployment.build_id !== build.id
  const drained = isNew ? await drain(tx, fn.live_deployment_id) : []
  const about = await standingOf(tx, build, { deployment, fn })
  await tx
    .updateTable('functions')
    .set({
      live_deployment_id: deployment.id,
      generation: about.generation,
      owner_slug: deployment.owner_slug,
      cluster_name: deployment.cluster_name,
      is_paused: pause ? 1 : fn.is_paused,
      updated_at: now
    })
    .where('owner_id', '=', fn.owner_id)
    .where('name', '=', fn.name)
    .execute()
  await tx
    .updateTable('deployments')
    .set({
      ...about,
      build_id: build.id,
      ...(isNew ? { status: 'live' as const, live_at: now, reason: null, ended_at: null } : {})
    })
    .where('id', '=', deployment.id)
    .execute()
  const reason = stays ? 'unchanged: stays live' : null
  await tx
    .updateTable('build_functions')
    .set({ status: 'live', deployment_id: deployment.id, reason, finished_at: now })
    .where('build_id', '=', build.id)
    .where('name', '=', fn.name)
    .execute()
  return drained
}

/**
 * Functions that the repository had and its stack has no more. What it left behind under a former owner is among them.
 * A push takes away only what came by git, a folder that is sent only what came by API.
 */
async function findLeft(
  tx: Transaction,
  build: BuildRow,
  source: DeploymentRow['source'],
  keep: string[]
): Promise<FunctionRow[]> {
  const rows = await tx
    .selectFrom('functions')
    .innerJoin('deployments as live', 'live.id', 'functions.live_deployment_id')
    .selectAll('functions')
    .where('functions.repository_id', '=', build.repository_id)
    .where('functions.is_paused', '=', 0)
    .where('functions.generation', '<=', build.generation)
    .where('live.source', '=', source)
    .orderBy('functions.name')
    .forUpdate('functions')
    .execute()
  return rows.filter((fn) => fn.owner_id !== build.owner_id || !keep.includes(fn.name))
}

async function prune(tx: Transaction, build: BuildRow, fn: FunctionRow, now: number): Promise<DeploymentRow[]> {
  const drained = await drain(tx, fn.live_deployment_id)
  await tx
    .updateTable('functions')
    // The generation stays behind, so that no older build brings the function back.
    .set({ live_deployment_id: null, generation: build.generation ?? fn.generation, updated_at: now })
    .where('owner_id', '=', fn.owner_id)
    .where('name', '=', fn.name)
    .execute()
  await tx
    .insertInto('build_functions')
    .values({
      build_id: build.id,
      name: fn.name,
      position: 1_000_000,
      status: 'removed',
      reason: 'it is not in the stack any more',
      is_reused: 0,
      finished_at: now
    })
    // A function of the stack that has the name keeps its row: the removed one was a former owner's.
    .onConflict((oc) => oc.columns(['build_id', 'name']).doNothing())
    .execute()
  return drained
}

async function switchLive(
  tx: Transaction,
  buildId: string,
  holder: string,
  change: Change,
  now: number
): Promise<SwitchResult> {
  const refused: SwitchResult = { isSwitched: false, passedOver: [], drained: [], pruned: [] }
  const { build, repository } = await lockBuild(tx, buildId)
  if (build.lease_holder !== holder || build.status !== 'deploying') throw leaseLost(buildId)
  assertWanted(build)
  const found = await findSteps(tx, build, change.deploymentIds)
  if (found === null) return refused
  const { steps, passedOver } = found
  if (passedOver.length > 0) return { ...refused, passedOver }
  const drained: DeploymentRow[] = []
  for (const step of steps) drained.push(...(await setLive(tx, build, step, change.pause, now)))
  const left =
    change.keep === null
      ? []
      : await findLeft(tx, build, isUploaded({ forgeId: repository.forge_id }) ? 'api' : 'git', change.keep)
  for (const fn of left) drained.push(...(await prune(tx, build, fn, now)))
  if (change.keep !== null && change.finish) await publishSealed(tx, build, now)
  // Whoever changes a configuration looks at what is live: only what was not yet is looked at here.
  const made = steps.filter(({ deployment }) => deployment.build_id === build.id)
  if (build.trigger !== 'rollback') await redeployStale(tx, build, made, now)
  await bumpRoutes(tx)
  await (change.finish ? endBuild(tx, build, { status: 'live', reason: null }, now) : touchBuild(tx, buildId))
  return { isSwitched: true, passedOver: [], drained: drained.map(toDeployment), pruned: left.map((fn) => fn.name) }
}

export function createSwitch(database: Database): Pick<Deployments, 'switchLive'> {
  return {
    switchLive: (buildId, holder, change, now) => database.write((tx) => switchLive(tx, buildId, holder, change, now))
  }
}
