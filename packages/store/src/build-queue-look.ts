import type { ActiveBuild, BuildQueue, QueueLook, WaitingBuild, WaitReason } from '@slipway/domain'
import { isActive, isQueued } from './build-conditions.ts'
import { toBuild } from './build-rows.ts'
import {
  busyRefs,
  type Candidate,
  choose,
  findCandidates,
  findStopped,
  type OwnerState,
  ownerStates,
  refKey,
  takesSlot
} from './build-turns.ts'
import type { Database, Reader } from './database.ts'
import { isDue, isLeased } from './moments.ts'
import type { BuildRow } from './schema.ts'

type Limits = Parameters<BuildQueue['look']>[0]

/** Nobody reads on beyond these. */
const shownTurns = 100
const shownWaiting = 200

/** What is known when reasons are given. */
interface Scene {
  busy: Map<string, string>
  stopped: Map<string, string>
  /** The oldest due build of each ref. */
  firstOf: Map<string, string>
  /** As they are once everything that may begin now has. */
  owners: Map<string, OwnerState>
  chosen: Set<string>
  now: number
}

function reasonOf(row: BuildRow, { busy, stopped, firstOf, owners, chosen, now }: Scene): WaitReason {
  const ref = refKey(row.repository_id, row.ref)
  const stop = stopped.get(row.repository_id)
  if (stop !== undefined) return { kind: 'stopped', reason: stop }
  if (row.owner_id === null) return { kind: 'owner' }
  if (row.next_attempt_at !== null && !isDue(row.next_attempt_at, now))
    return { kind: 'retry', at: row.next_attempt_at }
  const owner = owners.get(row.owner_id)
  if (owner === undefined) return { kind: 'name' }
  const earlier = busy.get(ref) ?? firstOf.get(ref)
  if (earlier !== undefined && earlier !== row.id) return { kind: 'branch', buildId: earlier }
  if (chosen.has(row.id)) return { kind: 'turn' }
  return owner.active >= owner.most ? { kind: 'owner-limit', most: owner.most } : { kind: 'slot' }
}

function activeView(row: BuildRow, now: number): ActiveBuild {
  const { lease_holder: holder, lease_until: leaseUntil, next_attempt_at: at } = row
  const waitsFor = (): WaitReason | null => {
    if (at !== null && !isDue(at, now)) return { kind: 'retry', at }
    return holder !== null && isLeased(leaseUntil, now) ? null : { kind: 'worker' }
  }
  return { build: toBuild(row), holder, leaseUntil, waitsFor: waitsFor() }
}

/** Of what waits: who has the next turns, and the oldest of the others. */
async function waitingRows(db: Reader, turns: string[]): Promise<BuildRow[]> {
  const waiting = db.selectFrom('builds').selectAll().where(isQueued).where('dispatched_at', 'is', null)
  const next = turns.length === 0 ? [] : await waiting.where('id', 'in', turns).execute()
  const oldest = await waiting.orderBy('id').limit(shownWaiting).execute()
  const known = new Set(next.map(({ id }) => id))
  return [...next, ...oldest.filter(({ id }) => !known.has(id))].slice(0, shownWaiting)
}

async function waitingByOwner(db: Reader): Promise<{ counts: Map<string, number>; total: number }> {
  const rows = await db
    .selectFrom('builds')
    .select((eb) => ['owner_id', eb.fn.countAll<number>().as('count')])
    .where(isQueued)
    .where('dispatched_at', 'is', null)
    .groupBy('owner_id')
    .execute()
  const counts = new Map(rows.flatMap(({ owner_id: id, count }) => (id === null ? [] : [[id, count] as const])))
  return { counts, total: rows.reduce((sum, { count }) => sum + count, 0) }
}

const copyOf = (states: Map<string, OwnerState>) => new Map([...states].map(([id, state]) => [id, { ...state }]))

/** In which order they would come if no owner had a limit: what that holds back says so. */
function turnsOf(candidates: Candidate[], states: Map<string, OwnerState>): Candidate[] {
  const unlimited = new Map([...states].map(([id, state]) => [id, { ...state, most: Infinity }]))
  return choose(candidates, unlimited, shownTurns, lastTurn(states)).chosen
}

/** Who is served now comes after all of them. */
function lastTurn(states: Map<string, OwnerState>): number {
  return [...states.values()].reduce((last, { turn }) => Math.max(last, turn), 0)
}

/** What admission goes by now, and whose turn that makes it. */
async function survey(db: Reader, limits: Limits, now: number) {
  const active = await db.selectFrom('builds').selectAll().where(isActive).orderBy('id').execute()
  const taken = active.filter(takesSlot).length
  const busy = busyRefs(active)
  const due = await findCandidates(db, now)
  const { counts, total } = await waitingByOwner(db)
  const activeOwners = active.flatMap(({ owner_id: id }) => (id === null ? [] : [id]))
  const states = await ownerStates(db, [...activeOwners, ...counts.keys()], active, limits)
  const stoppedRefs = await findStopped(
    db,
    due.map(({ repositoryId }) => repositoryId)
  )
  const candidates = due.filter(({ ref, repositoryId }) => !busy.has(ref) && !stoppedRefs.has(repositoryId))
  const turns = turnsOf(candidates, states)
  const owners = copyOf(states)
  const { chosen } = choose(candidates, owners, Math.max(0, limits.slots - taken), lastTurn(states))
  const turnOf = new Map(turns.map(({ id }, i) => [id, i + 1]))
  const rest = {
    busy,
    firstOf: new Map(due.map(({ ref, id }) => [ref, id])),
    owners,
    chosen: new Set(chosen.map(({ id }) => id)),
    now
  }
  return {
    active,
    taken,
    states,
    turns,
    counts,
    total,
    async waits(rows: BuildRow[]): Promise<WaitingBuild[]> {
      const stopped = await findStopped(
        db,
        rows.map((row) => row.repository_id)
      )
      return rows.map((row) => {
        return { build: toBuild(row), turn: turnOf.get(row.id) ?? null, waitsFor: reasonOf(row, { ...rest, stopped }) }
      })
    }
  }
}

async function look(db: Reader, limits: Limits, now: number): Promise<QueueLook> {
  const { active, taken, states, turns, counts, total, waits } = await survey(db, limits, now)
  const rows = await waitingRows(
    db,
    turns.map(({ id }) => id)
  )
  const waiting = await waits(rows)
  return {
    slots: { taken, most: limits.slots },
    active: active.map((row) => activeView(row, now)),
    waiting: waiting.sort((a, b) => (a.turn ?? Infinity) - (b.turn ?? Infinity) || (a.build.id < b.build.id ? -1 : 1)),
    waitingCount: total,
    owners: inTurn(states, turns, counts)
  }
}

async function lookAt(db: Reader, buildId: string, limits: Limits, now: number) {
  const row = await db.selectFrom('builds').selectAll().where('id', '=', buildId).executeTakeFirst()
  if (row === undefined || row.finished_at !== null) return null
  if (row.status !== 'queued' || row.dispatched_at !== null) {
    return { turn: null, waitsFor: activeView(row, now).waitsFor }
  }
  const [waiting] = await (await survey(db, limits, now)).waits([row])
  return waiting === undefined ? null : { turn: waiting.turn, waitsFor: waiting.waitsFor }
}

function inTurn(states: Map<string, OwnerState>, turns: Candidate[], counts: Map<string, number>) {
  const order = new Set([...turns.map(({ ownerId }) => ownerId), ...states.keys()])
  return [...order].flatMap((ownerId) => {
    const state = states.get(ownerId)
    if (state === undefined) return []
    return { ownerId, building: state.active, most: state.most, waiting: counts.get(ownerId) ?? 0 }
  })
}

export function createBuildQueue(database: Database): BuildQueue {
  return {
    look: (limits, now) => database.read((db) => look(db, limits, now)),
    lookAt: (buildId, limits, now) => database.read((db) => lookAt(db, buildId, limits, now))
  }
}
