import type { AdmittedJob, Builds } from '@slipway/domain'
import { besideRef, isActive, isQueued } from './build-conditions.ts'
import { endBuild } from './build-end.ts'
import type { Database, Transaction } from './database.ts'
import { ownLimits } from './limits.ts'
import { isColumnDue, isLeaseOver } from './moments.ts'
import { findOwnerStops } from './owner-rows.ts'
import { stopAtForge } from './repositories.ts'
import type { BuildRow } from './schema.ts'

type Limits = Parameters<Builds['admit']>[0]

/** One admission at a time, in whatever process: its rules count what others have admitted. Returns the last turn. */
export async function lockAdmission(tx: Transaction): Promise<number> {
  const { value } = await tx
    .selectFrom('counters')
    .select('value')
    .where('name', '=', 'admission')
    .forUpdate()
    .executeTakeFirstOrThrow()
  return value
}

/** Everything that takes a slot, a place of its owner, or a ref. */
function activeBuilds(tx: Transaction) {
  return tx
    .selectFrom('builds')
    .select(['id', 'owner_id', 'repository_id', 'ref', 'trigger', 'status'])
    .where(isActive)
    .execute()
}

/** Builds whose job was lost or whose worker died, and roll-outs that nobody was told of yet. */
function findLost(tx: Transaction, redispatchMs: number, now: number): Promise<BuildRow[]> {
  return (
    tx
      .selectFrom('builds')
      .selectAll()
      .where(isActive)
      .where(isLeaseOver('builds.lease_until', now))
      .where(isColumnDue('builds.next_attempt_at', now))
      // One of the future was made by a clock that was set back since.
      .where((eb) =>
        eb.or([
          eb('dispatched_at', 'is', null),
          eb('dispatched_at', '<=', now - redispatchMs),
          eb('dispatched_at', '>', now)
        ])
      )
      .orderBy('id')
      .forUpdate()
      // What somebody is changing right now is not lost.
      .skipLocked()
      .execute()
  )
}

/** Of these repositories those that must not be built, with the reason. */
async function findStopped(tx: Transaction, repositoryIds: string[]): Promise<Map<string, string>> {
  const stopped = new Map<string, string>()
  if (repositoryIds.length === 0) return stopped
  const rows = await tx
    .selectFrom('repositories')
    .select(['id', 'owner_id', 'disconnected_at', 'suspended_at'])
    .where('id', 'in', [...new Set(repositoryIds)])
    .execute()
  const ownerStops = await findOwnerStops(
    tx,
    rows.map((row) => row.owner_id)
  )
  for (const row of rows) {
    const reason = stopAtForge(row) ?? ownerStops.get(row.owner_id ?? '')
    if (reason !== undefined) stopped.set(row.id, reason)
  }
  return stopped
}

/** Ends what waits in repositories that must not be built. */
async function endWaiting(tx: Transaction, stopped: Map<string, string>, now: number): Promise<void> {
  for (const [repositoryId, reason] of stopped) {
    const builds = await tx
      .selectFrom('builds')
      .selectAll()
      .where('repository_id', '=', repositoryId)
      .where(isQueued)
      .where('dispatched_at', 'is', null)
      .orderBy('id')
      .forUpdate()
      .skipLocked()
      .execute()
    for (const build of builds) await endBuild(tx, build, { status: 'cancelled', reason }, now)
  }
}

/** The lost ones that are to go on; those of repositories that must not be built end. */
async function takeLost(tx: Transaction, redispatchMs: number, now: number): Promise<string[]> {
  const lost = await findLost(tx, redispatchMs, now)
  const stopped = await findStopped(
    tx,
    lost.map((build) => build.repository_id)
  )
  const ids: string[] = []
  for (const build of lost) {
    const reason = stopped.get(build.repository_id)
    if (reason === undefined) ids.push(build.id)
    else await endBuild(tx, build, { status: 'cancelled', reason }, now)
  }
  return ids
}

interface Candidate {
  id: string
  ownerId: string
  repositoryId: string
  ref: string
}

const refKey = (repositoryId: string, ref: string): string => `${repositoryId} ${ref}`

/** The oldest due build of each ref: the only ones that may be next. */
async function findCandidates(tx: Transaction, now: number): Promise<Candidate[]> {
  const rows = await tx
    .selectFrom('builds')
    // A repository's waiting builds have its owner, all of them: the least is any.
    .select((eb) => ['repository_id', 'ref', eb.fn.min('id').as('id'), eb.fn.min('owner_id').as('owner_id')])
    .where(isQueued)
    .where('dispatched_at', 'is', null)
    .where('owner_id', 'is not', null)
    .where(isColumnDue('builds.next_attempt_at', now))
    .groupBy(['repository_id', 'ref'])
    .execute()
  return rows.flatMap(({ id, owner_id: ownerId, repository_id: repositoryId, ref }) =>
    ownerId === null ? [] : [{ id, ownerId, repositoryId, ref: refKey(repositoryId, ref) }]
  )
}

/** Chooses by turns: the owner that was served longest ago, of its builds the oldest. */
function choose(
  candidates: Candidate[],
  owners: Map<string, { turn: number; active: number; most: number }>,
  free: number,
  lastTurn: number
): { chosen: Candidate[]; turn: number } {
  const waiting = candidates.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const chosen: Candidate[] = []
  let turn = lastTurn
  while (chosen.length < free) {
    let next: Candidate | null = null
    let lowest = Number.POSITIVE_INFINITY
    for (const candidate of waiting) {
      const owner = owners.get(candidate.ownerId)
      if (owner === undefined || owner.active >= owner.most || owner.turn >= lowest) continue
      next = candidate
      lowest = owner.turn
    }
    const owner = next === null ? undefined : owners.get(next.ownerId)
    if (next === null || owner === undefined) break
    waiting.splice(waiting.indexOf(next), 1)
    chosen.push(next)
    owner.active += 1
    owner.turn = ++turn
  }
  return { chosen, turn }
}

async function admitWaiting(tx: Transaction, limits: Limits, lastTurn: number, now: number): Promise<string[]> {
  const active = await activeBuilds(tx)
  const building = active.filter((build) => build.status !== 'deploying')
  const free = limits.slots - building.length
  if (free <= 0) return []
  const onRefs = active.filter((build) => !besideRef.includes(build.trigger))
  const busyRefs = new Set(onRefs.map((build) => refKey(build.repository_id, build.ref)))
  const waiting = await findCandidates(tx, now)
  const stopped = await findStopped(
    tx,
    waiting.map((candidate) => candidate.repositoryId)
  )
  await endWaiting(tx, stopped, now)
  const candidates = waiting.filter(({ ref, repositoryId }) => !busyRefs.has(ref) && !stopped.has(repositoryId))
  if (candidates.length === 0) return []
  const owners = await tx
    .selectFrom('owners')
    .select(['id', 'served_turn', 'limits_json'])
    .where('id', 'in', [...new Set(candidates.map((candidate) => candidate.ownerId))])
    .where('slug', 'is not', null)
    .execute()
  const states = new Map(
    owners.map(({ id, served_turn: turn, ...row }) => {
      const { builds = limits.perOwner } = ownLimits(row)
      const active = building.filter((build) => build.owner_id === id).length
      return [id, { turn, active, most: builds ?? limits.slots }]
    })
  )
  const { chosen, turn } = choose(candidates, states, free, lastTurn)
  for (const ownerId of new Set(chosen.map((candidate) => candidate.ownerId))) {
    const served = states.get(ownerId)?.turn ?? turn
    await tx.updateTable('owners').set({ served_turn: served }).where('id', '=', ownerId).execute()
  }
  if (turn > lastTurn) {
    await tx.updateTable('counters').set({ value: turn }).where('name', '=', 'admission').execute()
  }
  return chosen.map((candidate) => candidate.id)
}

async function dispatch(tx: Transaction, ids: string[], now: number): Promise<AdmittedJob[]> {
  if (ids.length === 0) return []
  const rows = await tx
    .updateTable('builds')
    .set((eb) => ({ dispatch: eb('dispatch', '+', 1), dispatched_at: now }))
    .where('id', 'in', ids)
    // One that ended between our look and our write is none any more.
    .where('status', 'in', ['queued', 'building', 'deploying'])
    .returning(['id', 'status', 'dispatch'])
    .execute()
  return rows
    .sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id))
    .map((row) => ({
      buildId: row.id,
      stage: row.status === 'deploying' ? 'deploy' : 'build',
      dispatch: row.dispatch
    }))
}

export function createAdmission(database: Database): Pick<Builds, 'admit' | 'undispatch'> {
  return {
    admit: (limits, now) =>
      database.write(async (tx) => {
        const lastTurn = await lockAdmission(tx)
        const lost = await takeLost(tx, limits.redispatchMs, now)
        const admitted = await admitWaiting(tx, limits, lastTurn, now)
        return dispatch(tx, [...lost, ...admitted], now)
      }),
    undispatch: (buildId) =>
      database.write(async (tx) => {
        await tx.updateTable('builds').set({ dispatched_at: null }).where('id', '=', buildId).execute()
      })
  }
}
