import { besideRef, isActive, isQueued } from './build-conditions.ts'
import type { Reader } from './database.ts'
import { ownLimits } from './limits.ts'
import { isColumnDue } from './moments.ts'
import { findOwnerStops } from './owner-rows.ts'
import { stopAtForge } from './repositories.ts'
import type { BuildRow } from './schema.ts'

export interface OwnerState {
  /** When it was served last: the least comes first. */
  turn: number
  /** Of its builds that take a place. */
  active: number
  most: number
}

type ActiveRow = Pick<BuildRow, 'id' | 'owner_id' | 'repository_id' | 'ref' | 'trigger' | 'status'>

/*
 * Whose turn it is: what admission goes by, and what is shown of it.
 */

/** Everything that takes a slot, a place of its owner, or a ref. */
export function activeBuilds(db: Reader) {
  return db
    .selectFrom('builds')
    .select(['id', 'owner_id', 'repository_id', 'ref', 'trigger', 'status'])
    .where(isActive)
    .execute()
}

/** Of these repositories those that must not be built, with the reason. */
export async function findStopped(db: Reader, repositoryIds: string[]): Promise<Map<string, string>> {
  const stopped = new Map<string, string>()
  if (repositoryIds.length === 0) return stopped
  const rows = await db
    .selectFrom('repositories')
    .select(['id', 'owner_id', 'disconnected_at', 'suspended_at'])
    .where('id', 'in', [...new Set(repositoryIds)])
    .execute()
  const ownerStops = await findOwnerStops(
    db,
    rows.map((row) => row.owner_id)
  )
  for (const row of rows) {
    const reason = stopAtForge(row) ?? ownerStops.get(row.owner_id ?? '')
    if (reason !== undefined) stopped.set(row.id, reason)
  }
  return stopped
}

export interface Candidate {
  id: string
  ownerId: string
  repositoryId: string
  ref: string
}

export const refKey = (repositoryId: string, ref: string): string => `${repositoryId} ${ref}`

/** Refs on which a build is under way, and which. */
export function busyRefs(active: ActiveRow[]): Map<string, string> {
  const onRefs = active.filter((build) => !besideRef.includes(build.trigger))
  return new Map(onRefs.map((build) => [refKey(build.repository_id, build.ref), build.id]))
}

/** Of those that have a name. */
export async function ownerStates(
  db: Reader,
  ownerIds: string[],
  active: ActiveRow[],
  limits: { slots: number; perOwner: number }
): Promise<Map<string, OwnerState>> {
  if (ownerIds.length === 0) return new Map()
  const owners = await db
    .selectFrom('owners')
    .select(['id', 'served_turn', 'limits_json'])
    .where('id', 'in', [...new Set(ownerIds)])
    .where('slug', 'is not', null)
    .execute()
  return new Map(
    owners.map(({ id, served_turn: turn, ...row }) => {
      const { builds = limits.perOwner } = ownLimits(row)
      const count = active.filter((build) => build.owner_id === id && takesSlot(build)).length
      return [id, { turn, active: count, most: builds ?? limits.slots }]
    })
  )
}

/** Roll-outs take none. */
export function takesSlot({ status }: Pick<BuildRow, 'status'>): boolean {
  return status !== 'deploying'
}

/** The oldest due build of each ref: the only ones that may be next. */
export async function findCandidates(db: Reader, now: number): Promise<Candidate[]> {
  const rows = await db
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
export function choose(
  candidates: Candidate[],
  owners: Map<string, OwnerState>,
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
