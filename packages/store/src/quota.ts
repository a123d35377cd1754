import {
  assertWithin,
  Failure,
  type FunctionSpec,
  type FunctionUse,
  firstReplicas,
  isRedeploy,
  isSummed,
  isUploaded,
  type LimitName,
  limitNames,
  limitText,
  type OwnerLimits,
  raiseLimit,
  scheduleOf,
  usedBy,
  useOf
} from '@slipway/domain'
import type { Transaction } from './database.ts'
import { useOfRow, usesOf } from './function-uses.ts'
import { findLimits } from './limits.ts'
import type { BuildRow, DeploymentRow, RepositoryRow } from './schema.ts'

/** What an owner's functions may take together, held for one transaction: nobody else brings something about meanwhile. */
interface Quota {
  owner: string
  ownerId: string
  limits: OwnerLimits
  /** What they took when it began. */
  before: Map<string, FunctionUse>
}

const heldElsewhere: ReadonlySet<LimitName> = new Set<LimitName>(['builds', 'storage-mb'])

/**
 * null: nothing is limited for the owner, and nobody waits for anybody.
 *
 * @param specs of what is to come: only where one is called by itself does the number of schedules count.
 */
export async function holdQuota(
  tx: Transaction,
  ownerId: string,
  specs: Pick<FunctionSpec, 'annotations'>[]
): Promise<Quota | null> {
  const hasSchedules = specs.some(({ annotations }) => scheduleOf(annotations) !== null)
  const counts = (name: LimitName) =>
    isSummed(name) && !heldElsewhere.has(name) && (name !== 'schedules' || hasSchedules)
  const hasLimit = ({ limits }: { limits: OwnerLimits }) =>
    limitNames.some((name) => counts(name) && limits[name] !== null)
  if (!hasLimit(await findLimits(tx, ownerId))) return null
  await tx.selectFrom('owners').select('id').where('id', '=', ownerId).forNoKeyUpdate().execute()
  const { owner, limits } = await findLimits(tx, ownerId)
  return { owner, ownerId, limits, before: await usesOf(tx, ownerId, null) }
}

/** Functions that go when the build is live: they left its stack. As `findLeft` of the switch, without holding them. */
async function leavingNames(
  tx: Transaction,
  build: BuildRow,
  repository: Pick<RepositoryRow, 'forge_id'>,
  stack: ReadonlySet<string>
): Promise<string[]> {
  if (build.trigger === 'rollback' || isRedeploy(build.trigger)) return []
  const rows = await tx
    .selectFrom('functions')
    .innerJoin('deployments as live', 'live.id', 'functions.live_deployment_id')
    .select('functions.name')
    .where('functions.owner_id', '=', build.owner_id)
    .where('functions.repository_id', '=', build.repository_id)
    .where('functions.is_paused', '=', 0)
    .where('functions.generation', '<=', build.generation ?? 0)
    .where('live.source', '=', isUploaded({ forgeId: repository.forge_id }) ? 'api' : 'git')
    .execute()
  return rows.map(({ name }) => name).filter((name) => !stack.has(name))
}

/** A plan would bring this about. @throws Failure `limit-exceeded` before anything is built */
export async function assertPlan(
  tx: Transaction,
  build: BuildRow,
  repository: RepositoryRow,
  functions: { name: string; spec: FunctionSpec }[]
): Promise<void> {
  const quota =
    build.owner_id === null
      ? null
      : await holdQuota(
          tx,
          build.owner_id,
          functions.map(({ spec }) => spec)
        )
  if (quota === null) return
  const paused = await tx
    .selectFrom('functions')
    .select('name')
    .where('owner_id', '=', quota.ownerId)
    .where('is_paused', '=', 1)
    .execute()
  const after = new Map(quota.before)
  for (const { name, spec } of functions) {
    if (!paused.some((one) => one.name === name)) after.set(name, useOf(firstReplicas(spec), spec))
  }
  const stack = new Set(functions.map(({ name }) => name))
  for (const name of await leavingNames(tx, build, repository, stack)) after.delete(name)
  assertWithin(quota.owner, quota.limits, usedBy(quota.before.values()), usedBy(after.values()))
}

/** The deployments of a build are prepared: what they bring about is in the transaction. @throws Failure `limit-exceeded` */
export async function assertPrepared(
  tx: Transaction,
  build: BuildRow,
  repository: RepositoryRow,
  quota: Quota | null
): Promise<void> {
  if (quota === null) return
  const after = await usesOf(tx, quota.ownerId, build.id)
  const parts = await tx
    .selectFrom('build_functions')
    .select('name')
    .where('build_id', '=', build.id)
    .where('status', '!=', 'removed')
    .execute()
  const stack = new Set(parts.map(({ name }) => name))
  for (const name of await leavingNames(tx, build, repository, stack)) after.delete(name)
  assertWithin(quota.owner, quota.limits, usedBy(quota.before.values()), usedBy(after.values()))
}

/** Other replicas of a live deployment are wanted. @throws Failure `limit-exceeded` */
export async function assertReplicas(tx: Transaction, row: DeploymentRow, replicas: number): Promise<void> {
  if (replicas <= row.replicas) return
  const { owner, limits } = await findLimits(tx, row.owner_id)
  const name = 'replicas-per-function'
  const most = limits[name]
  if (most !== null && replicas > most) {
    throw new Failure(
      'limit-exceeded',
      `${replicas} replicas of ${row.function_name} are more than ${owner} may have of one function: ${limitText(name, most)} (${name}); ${raiseLimit(owner, name, replicas)}`
    )
  }
  const quota = await holdQuota(tx, row.owner_id, [])
  if (quota === null) return
  const after = new Map(quota.before)
  after.set(row.function_name, useOfRow({ ...row, replicas }))
  assertWithin(owner, limits, usedBy(quota.before.values()), usedBy(after.values()))
}
