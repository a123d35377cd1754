import type { AdmittedJob, Builds } from '@slipway/domain'
import { endBuild } from './build-end.ts'
import type { Database, Transaction } from './database.ts'
import { stopReason } from './repositories.ts'

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

/** Everything that was chosen to run or runs: it takes a slot, a place of its owner, and its ref. */
function activeBuilds(tx: Transaction) {
  const columns = ['id', 'owner_id', 'repository_id', 'ref', 'status'] as const
  return tx
    .selectFrom('builds')
    .select(columns)
    .where('status', '=', 'queued')
    .where('dispatched_at', 'is not', null)
    .unionAll(tx.selectFrom('builds').select(columns).where('status', 'in', ['building', 'deploying']))
    .execute()
}

/** What waits or lost its worker in a repository that must not be built ends here, with the reason. */
async function endStopped(tx: Transaction, now: number): Promise<void> {
  const builds = await tx
    .selectFrom('builds')
    .innerJoin('repositories', 'repositories.id', 'builds.repository_id')
    .selectAll('builds')
    .select(['repositories.disconnected_at', 'repositories.suspended_at'])
    .where('builds.status', 'in', ['queued', 'building', 'deploying'])
    .where((eb) =>
      eb.or([eb('repositories.disconnected_at', 'is not', null), eb('repositories.suspended_at', 'is not', null)])
    )
    .where((eb) => eb.or([eb('builds.lease_until', 'is', null), eb('builds.lease_until', '<=', now)]))
    .orderBy('builds.id')
    .forUpdate('builds')
    .skipLocked()
    .execute()
  for (const build of builds) {
    await endBuild(tx, build, { status: 'cancelled', reason: stopReason(build) }, now)
  }
}

/** Builds whose job was lost or whose worker died, and roll-outs that nobody was told of yet. */
async function findLost(tx: Transaction, redispatchMs: number, now: number): Promise<string[]> {
  const rows = await tx
    .selectFrom('builds')
    .select('id')
    .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<=', now)]))
    .where((eb) => eb.or([eb('next_attempt_at', 'is', null), eb('next_attempt_at', '<=', now)]))
    .where((eb) =>
      eb.or([
        eb('status', 'in', ['building', 'deploying']).and('dispatched_at', 'is', null),
        eb('status', 'in', ['building', 'deploying']).and('dispatched_at', '<=', now - redispatchMs),
        eb('status', '=', 'queued').and('dispatched_at', '<=', now - redispatchMs)
      ])
    )
    .orderBy('id')
    .forUpdate()
    .skipLocked()
    .execute()
  return rows.map((row) => row.id)
}

interface Candidate {
  id: string
  ownerId: string
  ref: string
}

/** The oldest due build of each ref: the only ones that may be next. */
async function findCandidates(tx: Transaction, now: number): Promise<Candidate[]> {
  const rows = await tx
    .selectFrom('builds')
    .select((eb) => ['owner_id', 'repository_id', 'ref', eb.fn.min('id').as('id')])
    .where('status', '=', 'queued')
    .where('dispatched_at', 'is', null)
    .where('owner_id', 'is not', null)
    .where((eb) => eb.or([eb('next_attempt_at', 'is', null), eb('next_attempt_at', '<=', now)]))
    .groupBy(['owner_id', 'repository_id', 'ref'])
    .execute()
  return rows.flatMap((row) =>
    row.owner_id === null ? [] : [{ id: row.id, ownerId: row.owner_id, ref: `${row.repository_id} ${row.ref}` }]
  )
}

/** Chooses by turns: the owner that was served longest ago, of its builds the oldest. */
function choose(
  candidates: Candidate[],
  owners: Map<string, { turn: number; active: number }>,
  free: number,
  limits: Limits,
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
      if (owner === undefined || owner.active >= limits.perOwner || owner.turn >= lowest) continue
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
  const busyRefs = new Set(active.map((build) => `${build.repository_id} ${build.ref}`))
  const candidates = (await findCandidates(tx, now)).filter((candidate) => !busyRefs.has(candidate.ref))
  if (candidates.length === 0) return []
  const owners = await tx
    .selectFrom('owners')
    .select(['id', 'served_turn'])
    .where('id', 'in', [...new Set(candidates.map((candidate) => candidate.ownerId))])
    .where('slug', 'is not', null)
    .execute()
  const states = new Map(
    owners.map(({ id, served_turn: turn }) => [
      id,
      { turn, active: building.filter((build) => build.owner_id === id).length }
    ])
  )
  const { chosen, turn } = choose(candidates, states, free, limits, lastTurn)
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
        await endStopped(tx, now)
        const lost = await findLost(tx, limits.redispatchMs, now)
        const admitted = await admitWaiting(tx, limits, lastTurn, now)
        return dispatch(tx, [...lost, ...admitted], now)
      }),
    undispatch: (buildId) =>
      database.write(async (tx) => {
        await tx.updateTable('builds').set({ dispatched_at: null }).where('id', '=', buildId).execute()
      })
  }
}
