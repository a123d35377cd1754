import { type Build, type BuildFunction, Failure } from '@slipway/domain'
import type { Database, Reader, Transaction } from './database.ts'
import { newId } from './ids.ts'
import { lockRepository } from './repositories.ts'
import type { BuildFunctionRow, BuildRow, NewBuildRow, RepositoryRow } from './schema.ts'

export function toBuild(row: BuildRow): Build {
  return {
    id: row.id,
    ownerId: row.owner_id,
    repositoryId: row.repository_id,
    ref: row.ref,
    commit: row.commit,
    before: row.before,
    trigger: row.trigger,
    status: row.status,
    reason: row.reason,
    generation: row.generation,
    attempt: row.attempt,
    nextAttemptAt: row.next_attempt_at,
    message: row.message,
    sender: row.sender,
    noCache: row.no_cache === 1,
    warnings: JSON.parse(row.warnings_json) as Build['warnings'],
    createdAt: row.created_at,
    startedAt: row.started_at,
    deployingAt: row.deploying_at,
    finishedAt: row.finished_at,
    cancelRequestedAt: row.cancel_requested_at
  }
}

/** What this package stored as JSON; null stays null. */
export function parseOrNull(json: string | null): unknown {
  return json === null ? null : JSON.parse(json)
}

export function toBuildFunction(row: BuildFunctionRow): BuildFunction {
  return {
    buildId: row.build_id,
    name: row.name,
    status: row.status,
    reason: row.reason,
    spec: parseOrNull(row.spec_json) as BuildFunction['spec'],
    contentKey: row.content_key,
    image: parseOrNull(row.image_json) as BuildFunction['image'],
    isReused: row.is_reused === 1,
    deploymentId: row.deployment_id,
    startedAt: row.started_at,
    builtAt: row.built_at,
    finishedAt: row.finished_at
  }
}

type Asked = Pick<NewBuildRow, 'owner_id' | 'repository_id' | 'ref' | 'commit' | 'trigger' | 'status' | 'created_at'>

/** A build's row as it begins: everything that is not said is empty. */
export function newBuildRow(asked: Asked & Partial<NewBuildRow>): NewBuildRow {
  return {
    id: newId(),
    before: null,
    reason: null,
    generation: null,
    attempt: 0,
    message: null,
    sender: null,
    no_cache: 0,
    warnings_json: '[]',
    dispatch: 0,
    claims: 0,
    last_log_seq: 0,
    version: 1,
    reported_version: 0,
    report_attempt: 0,
    ...asked
  }
}

function noBuild(id: string): Failure {
  return new Failure('not-found', `there is no build ${id}`)
}

export async function findBuild(db: Reader, id: string): Promise<BuildRow> {
  const row = await db.selectFrom('builds').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw noBuild(id)
  return row
}

interface Locked {
  build: BuildRow
  repository: RepositoryRow
}

/** Takes a build and its repository for this transaction; null when there is no such build. */
export async function lockKnownBuild(tx: Transaction, id: string): Promise<Locked | null> {
  const known = await tx.selectFrom('builds').select('repository_id').where('id', '=', id).executeTakeFirst()
  if (known === undefined) return null
  const repository = await lockRepository(tx, known.repository_id)
  const build = await tx.selectFrom('builds').selectAll().where('id', '=', id).forUpdate().executeTakeFirstOrThrow()
  return { build, repository }
}

/** The same. @throws Failure `not-found` */
export async function lockBuild(tx: Transaction, id: string): Promise<Locked> {
  const locked = await lockKnownBuild(tx, id)
  if (locked === null) throw noBuild(id)
  return locked
}

export function leaseLost(buildId: string): Failure {
  return new Failure('lease-lost', `build ${buildId} is not held by this worker any more: it stops`)
}

/** What somebody asked to cancel goes no step further. @throws Failure `cancelled` */
export function assertWanted(build: BuildRow): void {
  if (build.cancel_requested_at !== null) throw new Failure('cancelled', build.reason ?? 'cancelled on request')
}

/** The same, for what only the worker may do that holds the build. @throws Failure `lease-lost` */
export async function lockHeldBuild(tx: Transaction, id: string, holder: string): Promise<Locked> {
  const locked = await lockBuild(tx, id)
  if (locked.build.lease_holder !== holder) throw leaseLost(id)
  return locked
}

/** Runs `work` on a build that `holder` holds; does nothing when the lease is lost. */
export function whileHeld(
  database: Database,
  id: string,
  holder: string,
  work: (tx: Transaction, build: BuildRow) => Promise<void>
): Promise<void> {
  return database.write(async (tx) => {
    const { build } = await lockBuild(tx, id)
    if (build.lease_holder === holder) await work(tx, build)
  })
}

/** What a build loses when its worker lets go of it. */
export const released = { lease_holder: null, lease_until: null, dispatched_at: null } as const
