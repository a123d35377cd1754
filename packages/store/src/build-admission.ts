import type { AdmittedJob, Builds } from '@slipway/domain'
import { isActive, isQueued } from './build-conditions.ts'
import { endBuild } from './build-end.ts'
import { activeBuilds, busyRefs, choose, findCandidates, findStopped, ownerStates, takesSlot } from './build-turns.ts'
import type { Database, Transaction } from './database.ts'
import { isColumnDue, isLeaseOver } from './moments.ts'
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

async function admitWaiting(tx: Transaction, limits: Limits, lastTurn: number, now: number): Promise<string[]> {
  const active = await activeBuilds(tx)
  const free = limits.slots - active.filter(takesSlot).length
  if (free <= 0) return []
  const busy = busyRefs(active)
  const waiting = await findCandidates(tx, now)
  const stopped = await findStopped(
    tx,
    waiting.map((candidate) => candidate.repositoryId)
  )
  await endWaiting(tx, stopped, now)
  const candidates = waiting.filter(({ ref, repositoryId }) => !busy.has(ref) && !stopped.has(repositoryId))
  const ownerIds = candidates.map((candidate) => candidate.ownerId)
  const states = await ownerStates(tx, ownerIds, active, limits)
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
