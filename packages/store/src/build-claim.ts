import { automaticDeploysOff, type BuildIsolation, type Builds, type Claim, type RefObservation } from '@slipway/domain'
import { isUnasked } from './automatic-deploys.ts'
import { lockAdmission } from './build-admission.ts'
import { besideRef, isActive } from './build-conditions.ts'
import { endBuild } from './build-end.ts'
import { lockKnownBuild, toBuild } from './build-rows.ts'
import type { Database, Transaction } from './database.ts'
import { isDue, isLeased } from './moments.ts'
import { nextGeneration, stopReason, toRepository } from './repositories.ts'
import type { BuildRow, RepositoryRow } from './schema.ts'

/** A build that was taken up so often and never came to an end takes its workers with it. */
const claimLimit = 10

function hasLease(build: BuildRow, now: number): boolean {
  return build.lease_holder !== null && isLeased(build.lease_until, now)
}

/** False where another build of the ref has its turn: then a job that was taken back must not start beside it. */
async function isRefFree(tx: Transaction, build: BuildRow): Promise<boolean> {
  const other = await tx
    .selectFrom('builds')
    .select('id')
    .where('repository_id', '=', build.repository_id)
    .where('ref', '=', build.ref)
    .where('id', '!=', build.id)
    .where('trigger', 'not in', besideRef)
    .where(isActive)
    .limit(1)
    .executeTakeFirst()
  return other === undefined
}

/** Ends what must not be taken up again. True when it was ended. */
async function endInsteadOfClaim(
  tx: Transaction,
  build: BuildRow,
  repository: RepositoryRow,
  now: number
): Promise<boolean> {
  const stopped = await stopReason(tx, repository)
  if (stopped !== null) {
    await endBuild(tx, build, { status: 'cancelled', reason: stopped }, now)
    return true
  }
  if (build.cancel_requested_at !== null) {
    await endBuild(tx, build, { status: 'cancelled', reason: build.reason }, now)
    return true
  }
  if (build.status === 'queued' && repository.is_automatic === 0 && isUnasked(build)) {
    await endBuild(tx, build, { status: 'skipped', reason: automaticDeploysOff }, now)
    return true
  }
  if (build.claims >= claimLimit) {
    const reason = `it was taken up ${claimLimit} times and its worker died each time`
    await endBuild(tx, build, { status: 'error', reason }, now)
    return true
  }
  return false
}

async function observationOf(tx: Transaction, build: BuildRow): Promise<RefObservation | null> {
  const row = await tx
    .selectFrom('ref_observations as seen')
    .innerJoin('builds', 'builds.id', 'seen.build_id')
    .select(['seen.commit', 'seen.generation', 'seen.build_id', 'builds.status'])
    .where('seen.repository_id', '=', build.repository_id)
    .where('seen.ref', '=', build.ref)
    .executeTakeFirst()
  if (row === undefined) return null
  return { commit: row.commit, generation: row.generation, buildId: row.build_id, buildStatus: row.status }
}

/** The slug that the build is to be deployed under. Without an owner, or with one that has no slug, there is no place for it yet. */
async function placeOf(
  tx: Transaction,
  build: BuildRow
): Promise<{ ownerId: string; ownerSlug: string; buildIsolation: BuildIsolation | null } | null> {
  if (build.owner_id === null) return null
  const owner = await tx
    .selectFrom('owners')
    .select(['slug', 'build_isolation'])
    .where('id', '=', build.owner_id)
    .executeTakeFirst()
  if (owner === undefined || owner.slug === null) return null
  return { ownerId: build.owner_id, ownerSlug: owner.slug, buildIsolation: owner.build_isolation }
}

export function createClaims(database: Database): Pick<Builds, 'claim' | 'claimDeploy' | 'renew'> {
  async function claim(
    tx: Transaction,
    buildId: string,
    holder: string,
    leaseMs: number,
    now: number
  ): Promise<Claim | null> {
    await lockAdmission(tx)
    const locked = await lockKnownBuild(tx, buildId)
    if (locked === null) return null
    const { build, repository } = locked
    if (build.status !== 'queued' && build.status !== 'building') return null
    const place = await placeOf(tx, build)
    if (place === null || hasLease(build, now)) return null
    if (build.status === 'queued' && build.dispatched_at === null) {
      if (!isDue(build.next_attempt_at, now) || !(await isRefFree(tx, build))) return null
    }
    if (await endInsteadOfClaim(tx, build, repository, now)) return null
    const observation = await observationOf(tx, build)
    const generation = await nextGeneration(tx, repository.id)
    const claimed = await tx
      .updateTable('builds')
      .set((eb) => ({
        status: 'building',
        generation,
        reason: null,
        started_at: build.started_at ?? now,
        next_attempt_at: null,
        dispatched_at: build.dispatched_at ?? now,
        lease_holder: holder,
        lease_until: now + leaseMs,
        claims: build.claims + 1,
        version: eb('version', '+', 1)
      }))
      .where('id', '=', buildId)
      .returningAll()
      .executeTakeFirstOrThrow()
    return {
      build: { ...toBuild(claimed), ownerId: place.ownerId, generation },
      repository: toRepository(repository),
      ownerSlug: place.ownerSlug,
      buildIsolation: place.buildIsolation,
      observation
    }
  }

  async function claimDeploy(
    tx: Transaction,
    buildId: string,
    holder: string,
    leaseMs: number,
    now: number
  ): Promise<Claim | null> {
    const locked = await lockKnownBuild(tx, buildId)
    if (locked === null) return null
    const { build, repository } = locked
    const place = await placeOf(tx, build)
    if (build.status !== 'deploying' || build.generation === null || place === null || hasLease(build, now)) return null
    if (await endInsteadOfClaim(tx, build, repository, now)) return null
    const claimed = await tx
      .updateTable('builds')
      .set({
        next_attempt_at: null,
        dispatched_at: build.dispatched_at ?? now,
        lease_holder: holder,
        lease_until: now + leaseMs,
        claims: build.claims + 1
      })
      .where('id', '=', buildId)
      .returningAll()
      .executeTakeFirstOrThrow()
    return {
      build: { ...toBuild(claimed), ownerId: place.ownerId, generation: build.generation },
      repository: toRepository(repository),
      ownerSlug: place.ownerSlug,
      buildIsolation: place.buildIsolation,
      observation: null
    }
  }

  return {
    claim: (buildId, holder, leaseMs, now) => database.write((tx) => claim(tx, buildId, holder, leaseMs, now)),
    claimDeploy: (buildId, holder, leaseMs, now) =>
      database.write((tx) => claimDeploy(tx, buildId, holder, leaseMs, now)),
    renew: (buildId, holder, leaseMs, now) =>
      database.write(async (tx) => {
        const row = await tx
          .updateTable('builds')
          .set({ lease_until: now + leaseMs })
          .where('id', '=', buildId)
          .where('lease_holder', '=', holder)
          .returning('cancel_requested_at')
          .executeTakeFirst()
        return { isHeld: row !== undefined, isCancelled: row?.cancel_requested_at != null }
      })
  }
}
