import {
  assertDeploymentTransition,
  type Deployment,
  type Deployments,
  Failure,
  firstReplicas,
  isRedeploy,
  isSameContent,
  isUploaded,
  type NewDeployment
} from '@slipway/domain'
import { touchBuild } from './build-queue.ts'
import { leaseLost, lockHeldBuild } from './build-rows.ts'
import type { Database, Transaction } from './database.ts'
import { remakeLive } from './deployment-redeploy.ts'
import { toDeployment } from './deployment-rows.ts'
import { holderOf } from './function-names.ts'
import { bumpRoutes } from './functions.ts'
import { newId } from './ids.ts'
import { assertPrepared, assertReplicas, holdQuota } from './quota.ts'
import type { BuildRow, DeploymentRow } from './schema.ts'
import { pinSecrets } from './secret-pins.ts'
import { specNow } from './variable-rows.ts'

interface Rollout {
  build: BuildRow
  ownerId: string
  ownerSlug: string
  generation: number
  source: Deployment['source']
}

/**
 * Takes the function's name for the build's repository. Taken over from another repository it begins at generation 0,
 * because generations count per repository.
 */
async function claimName(tx: Transaction, { build, ...rollout }: Rollout, wanted: NewDeployment, now: number) {
  const { ownerId, ownerSlug } = rollout
  const { functionName: name, clusterName } = wanted
  const row = await tx
    .selectFrom('functions')
    .selectAll()
    .where('owner_id', '=', ownerId)
    .where('name', '=', name)
    .forUpdate()
    .executeTakeFirst()
  const claim = { ownerId, ownerSlug, repositoryId: build.repository_id, name, clusterName }
  const holder = await holderOf(tx, claim, row)
  if (holder !== null) {
    throw new Failure('name-taken', `the function name "${name}" (${clusterName}) belongs to ${holder}: choose another`)
  }
  const columns = {
    owner_slug: ownerSlug,
    cluster_name: clusterName,
    repository_id: build.repository_id,
    updated_at: now
  }
  if (row === undefined) {
    await tx
      .insertInto('functions')
      .values({ ...columns, owner_id: ownerId, name, generation: 0, is_paused: 0, created_at: now })
      .execute()
  } else if (row.repository_id !== build.repository_id || row.cluster_name !== clusterName) {
    const isTakenOver = row.repository_id !== build.repository_id
    await tx
      .updateTable('functions')
      .set({
        ...columns,
        generation: isTakenOver ? 0 : row.generation,
        is_paused: isTakenOver ? 0 : row.is_paused
      })
      .where('owner_id', '=', ownerId)
      .where('name', '=', name)
      .execute()
  }
}

/** What this build already made for a function, if it may still be used. */
function findMade(tx: Transaction, build: BuildRow, name: string): Promise<DeploymentRow | undefined> {
  return tx
    .selectFrom('deployments')
    .selectAll()
    .where('build_id', '=', build.id)
    .where('function_name', '=', name)
    .where('status', 'in', ['starting', 'live'])
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** What is wanted of a function with the configuration of now. */
async function rowOf(tx: Transaction, rollout: Rollout, wanted: NewDeployment, now: number): Promise<DeploymentRow> {
  const { build, ownerId, ownerSlug, generation, source } = rollout
  const secrets = await pinSecrets(
    tx,
    { buildId: build.id, ownerId, functionName: wanted.functionName },
    wanted.spec.secrets
  )
  const spec = await specNow(tx, { ownerId, repositoryId: build.repository_id }, wanted.spec)
  return {
    id: newId(),
    owner_id: ownerId,
    owner_slug: ownerSlug,
    repository_id: build.repository_id,
    build_id: build.id,
    function_name: wanted.functionName,
    cluster_name: wanted.clusterName,
    generation,
    source,
    image_json: JSON.stringify(wanted.image),
    spec_json: JSON.stringify(spec),
    secrets_json: JSON.stringify(secrets),
    declared_spec_json: JSON.stringify(wanted.spec),
    redeploy_of: null,
    labels_json: JSON.stringify(wanted.labels),
    annotations_json: JSON.stringify(wanted.annotations),
    commit: build.commit,
    replicas: wanted.replicas,
    is_scaled_by_hand: 0,
    status: 'starting',
    endpoints_json: '[]',
    write_timeout_ms: spec.writeTimeoutMs,
    reason: null,
    created_at: now,
    live_at: null,
    ended_at: null
  }
}

/** What is live of a function, if it is just what is wanted. */
async function findSame(tx: Transaction, wanted: DeploymentRow): Promise<DeploymentRow | undefined> {
  const live = await tx
    .selectFrom('functions')
    .innerJoin('deployments as live', 'live.id', 'functions.live_deployment_id')
    .selectAll('live')
    .where('functions.owner_id', '=', wanted.owner_id)
    .where('functions.name', '=', wanted.function_name)
    .executeTakeFirst()
  return live !== undefined && isSameContent(toDeployment(live), toDeployment(wanted)) ? live : undefined
}

function insertDeployment(tx: Transaction, row: DeploymentRow): Promise<DeploymentRow> {
  return tx.insertInto('deployments').values(row).returningAll().executeTakeFirstOrThrow()
}

/**
 * An earlier deployment starts again as it was, as a part of this build now, and under its generation. One that still drains
 * is on its way out of the cluster, and nobody can call that back: a copy of it is started instead.
 */
async function restart(tx: Transaction, rollout: Rollout, id: string, now: number): Promise<DeploymentRow> {
  const { build, ownerId, generation } = rollout
  const row = await tx.selectFrom('deployments').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()
  if (row === undefined || row.owner_id !== ownerId || row.repository_id !== build.repository_id) {
    throw new Failure('not-found', `there is no deployment ${id} in this repository`)
  }
  if (row.generation === generation && (row.status === 'starting' || row.status === 'live')) return row
  // It may have slept when another version took its place: that it gets ready is seen by a replica.
  const replicas = row.replicas === 0 ? firstReplicas(toDeployment(row).spec) : row.replicas
  const again = {
    build_id: build.id,
    generation,
    replicas,
    status: 'starting',
    endpoints_json: '[]',
    reason: null
  } as const
  if (row.status === 'draining') {
    return insertDeployment(tx, { ...row, ...again, id: newId(), created_at: now, live_at: null, ended_at: null })
  }
  assertDeploymentTransition(row.status, 'starting')
  return tx
    .updateTable('deployments')
    .set({ ...again, ended_at: null })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** What is to run of a function; null when a redeploy has nothing to do for it. */
async function rowFor(
  tx: Transaction,
  rollout: Rollout,
  wanted: NewDeployment,
  now: number
): Promise<DeploymentRow | null> {
  const { existingDeploymentId } = wanted
  if (existingDeploymentId !== undefined) {
    const row = await restart(tx, rollout, existingDeploymentId, now)
    // It runs under the name that it always had, whatever the owner is called by now.
    await claimName(tx, rollout, { ...wanted, clusterName: row.cluster_name }, now)
    return row
  }
  const made = await findMade(tx, rollout.build, wanted.functionName)
  if (made !== undefined) return made
  if (isRedeploy(rollout.build.trigger)) {
    const row = await remakeLive(tx, rollout.build, wanted.functionName, now)
    return row === null ? null : insertDeployment(tx, row)
  }
  await claimName(tx, rollout, wanted, now)
  const row = await rowOf(tx, rollout, wanted, now)
  const same = wanted.mayStay === true ? await findSame(tx, row) : undefined
  return same ?? insertDeployment(tx, row)
}

async function prepareOne(
  tx: Transaction,
  rollout: Rollout,
  wanted: NewDeployment,
  now: number
): Promise<Deployment | null> {
  const { build } = rollout
  const row = await rowFor(tx, rollout, wanted, now)
  if (row === null) return null
  if (row.build_id !== build.id) return toDeployment(row)
  await tx
    .updateTable('build_functions')
    .set({ deployment_id: row.id, status: 'deploying' })
    .where('build_id', '=', build.id)
    .where('name', '=', wanted.functionName)
    .where('status', 'in', ['planned', 'building', 'built'])
    .execute()
  return toDeployment(row)
}

export function createPreparation(database: Database): Pick<Deployments, 'prepare' | 'setReplicas' | 'setEndpoints'> {
  return {
    prepare: (buildId, holder, wanted, now) =>
      database.write(async (tx) => {
        const { build, repository } = await lockHeldBuild(tx, buildId, holder)
        const { owner_id: ownerId, generation } = build
        const owner =
          ownerId === null
            ? undefined
            : await tx.selectFrom('owners').select('slug').where('id', '=', ownerId).executeTakeFirst()
        if (build.status !== 'deploying' || ownerId === null || generation === null || !owner?.slug) {
          throw leaseLost(buildId)
        }
        const source = isUploaded({ forgeId: repository.forge_id }) ? ('api' as const) : ('git' as const)
        const rollout = { build, ownerId, ownerSlug: owner.slug, generation, source }
        const quota = await holdQuota(
          tx,
          ownerId,
          wanted.map(({ spec }) => spec)
        )
        const byName = wanted.toSorted((a, b) => (a.functionName < b.functionName ? -1 : 1))
        const made = new Map<NewDeployment, Deployment | null>()
        // Always in the same order, so that two builds that want the same names do not wait for each other.
        for (const one of byName) made.set(one, await prepareOne(tx, rollout, one, now))
        if (isRedeploy(build.trigger) && [...made.values()].every((one) => one === null)) {
          throw new Failure('superseded', 'what was to be deployed again is not live any more, or was paused')
        }
        await assertPrepared(tx, build, repository, quota)
        await touchBuild(tx, buildId)
        return wanted.flatMap((one) => made.get(one) ?? [])
      }),
    setReplicas: (id, replicas, by) =>
      database.write(async (tx) => {
        const row = await tx.selectFrom('deployments').selectAll().where('id', '=', id).executeTakeFirst()
        if (row === undefined) throw new Failure('not-found', `there is no deployment ${id}`)
        if (row.status !== 'live') throw new Failure('conflict', 'only a live deployment can be scaled')
        if (by === 'load' && row.is_scaled_by_hand === 1) throw new Failure('conflict', 'somebody chose its replicas')
        await assertReplicas(tx, row, replicas)
        const scaled = await tx
          .updateTable('deployments')
          .set({ replicas, is_scaled_by_hand: by === 'hand' && replicas > 0 ? 1 : 0 })
          .where('id', '=', id)
          .where('status', '=', 'live')
          .where('is_scaled_by_hand', '=', row.is_scaled_by_hand)
          .returningAll()
          .executeTakeFirst()
        if (scaled === undefined)
          throw new Failure('conflict', 'another version took its place meanwhile, or somebody chose its replicas')
        return toDeployment(scaled)
      }),
    setEndpoints: (id, endpoints, replicas) =>
      database.write(async (tx) => {
        const row = await tx
          .updateTable('deployments')
          .set({ endpoints_json: JSON.stringify(endpoints), replicas })
          .where('id', '=', id)
          .where('status', 'in', ['starting', 'live', 'draining'])
          .returning('status')
          .executeTakeFirst()
        if (row?.status === 'live') await bumpRoutes(tx)
      })
  }
}
