import {
  decidePush,
  type ForgeEvent,
  isValidFullName,
  notListed,
  type PushEvent,
  type RecordedDelivery
} from '@slipway/domain'
import { isOnList, readAllowList } from './allow-list.ts'
import { newBuildRow } from './build-rows.ts'
import type { Transaction } from './database.ts'
import {
  findKnown,
  isStored,
  type Known,
  type KnownRepository,
  keyOf,
  lockRepositories,
  pushOf,
  type Received
} from './delivery-lookup.ts'
import { newId } from './ids.ts'
import { createInsertRows, type InsertRows } from './insert-rows.ts'
import { findOwnerStop } from './owner-rows.ts'
import { saveRepository } from './repositories.ts'
import type { DeliveryRow, NewBuildRow, RepositoryRow } from './schema.ts'

/** Rows per statement: at most 34 columns each, below the 32,766 parameters that one may have on SQLite. */
const batch = 500

const pushKeyOf = (row: Pick<NewBuildRow, 'repository_id' | 'ref' | 'commit' | 'before'>): string =>
  JSON.stringify([row.repository_id, row.ref, row.commit, row.before ?? null])

interface Decided {
  row: DeliveryRow
  /** The build that the delivery leads to, when it is not there yet. */
  build: NewBuildRow | null
}

function deliveryRow({ forgeId, delivery }: Received, now: number): DeliveryRow {
  const isPush = delivery.event.kind === 'push'
  const isIgnored = delivery.event.kind === 'ignored'
  return {
    id: newId(),
    forge_id: forgeId,
    delivery_id: delivery.deliveryId,
    event_name: delivery.eventName,
    repository_id: null,
    ref: null,
    commit: null,
    outcome: isIgnored ? 'ignored' : 'accepted',
    reason: delivery.event.kind === 'ignored' ? delivery.event.reason : null,
    build_id: null,
    event_json: isPush || isIgnored ? null : JSON.stringify(delivery.event),
    attempt: 0,
    next_attempt_at: null,
    received_at: now
  }
}

function buildRow(repository: RepositoryRow, push: PushEvent, commit: string, now: number): NewBuildRow {
  return newBuildRow({
    owner_id: repository.owner_id,
    repository_id: repository.id,
    ref: push.ref,
    commit,
    before: push.before,
    trigger: 'push',
    status: 'queued',
    message: push.message.split('\n', 1)[0] || null,
    sender: push.sender.login,
    created_at: now,
    finished_at: null
  })
}

interface Deciding {
  repositories: Map<string, KnownRepository>
  /** Read when it is first asked for: of a repository that is known as it is, its owner's row says enough. */
  allowList(): Promise<ReadonlySet<string> | null>
  installationBranch: string | null
  now: number
}

async function isListed(
  forgeId: string,
  { repository: said }: PushEvent,
  known: KnownRepository | undefined,
  allowList: Deciding['allowList']
): Promise<boolean> {
  if (known !== undefined && known.is_listed !== null && isStored(known, said)) return known.is_listed === 1
  // Who owns it is looked up later where the payload does not say so: until then the path does, as a forge of groups has it.
  const login = said.owner?.login ?? known?.login ?? said.fullName.split('/', 1)[0] ?? ''
  return isOnList(await allowList(), forgeId, login)
}

/** Decides one push, after its repository was stored as the payload has it. Of owners that are not listed nothing is stored. */
async function decide(
  tx: Transaction,
  received: Received,
  push: PushEvent,
  { repositories, allowList, installationBranch, now }: Deciding
): Promise<Decided> {
  const { repository: said, ref, commit } = push
  const key = keyOf(received.forgeId, said.forgeRepositoryId)
  let repository = repositories.get(key)
  if (!(await isListed(received.forgeId, push, repository, allowList))) {
    const about = { repository_id: repository?.id ?? null, ref, commit, reason: notListed }
    return { row: { ...deliveryRow(received, now), ...about, outcome: 'ignored' }, build: null }
  }
  if (isValidFullName(said.fullName) && (repository === undefined || !isStored(repository, said))) {
    const saved = await saveRepository(tx, received.forgeId, said, now)
    const owner = said.owner ?? { forgeOwnerId: repository?.forge_owner_id ?? null, login: repository?.login ?? null }
    repository = {
      ...saved,
      forge_owner_id: owner.forgeOwnerId,
      login: owner.login,
      is_listed: saved.owner_id === null ? null : 1,
      owner_stop: await findOwnerStop(tx, saved.owner_id)
    }
    repositories.set(key, repository)
  }
  const known =
    repository === undefined
      ? null
      : {
          branch: repository.branch,
          disconnectedAt: repository.disconnected_at,
          suspendedAt: repository.suspended_at,
          isAutomatic: repository.is_automatic === 1,
          ownerStop: repository.owner_stop
        }
  const decision = decidePush(push, known, installationBranch)
  const row = { ...deliveryRow(received, now), repository_id: repository?.id ?? null, ref, commit }
  if (decision.outcome === 'ask') {
    const event: ForgeEvent = {
      kind: 'repository-changed',
      action: 'pushed',
      forgeRepositoryId: said.forgeRepositoryId,
      installationId: said.installationId
    }
    return { row: { ...row, reason: decision.reason, event_json: JSON.stringify(event) }, build: null }
  }
  if (decision.outcome === 'ignored' || repository === undefined || commit === null) {
    const reason = decision.outcome === 'queue' ? null : decision.reason
    return { row: { ...row, outcome: 'ignored', reason }, build: null }
  }
  const build = buildRow(repository, push, commit, now)
  if (decision.outcome === 'queue') return { row: { ...row, outcome: 'queued', build_id: build.id }, build }
  const { reason } = decision
  return {
    row: { ...row, outcome: 'skipped', reason, build_id: build.id },
    // One that was stopped is brought once the owner goes on, if it is the head then; a skipped one is not.
    build: { ...build, status: decision.outcome === 'stopped' ? 'cancelled' : 'skipped', reason, finished_at: now }
  }
}

/** Lets pushes that say the same lead to one waiting build: one that is stored, or the first of this batch. */
async function joinWaiting(tx: Transaction, decided: Decided[]): Promise<Decided[]> {
  const queued = decided.flatMap(({ build }) => (build !== null && build.status === 'queued' ? build : []))
  if (queued.length === 0) return decided
  const rows = await tx
    .selectFrom('builds')
    .select(['id', 'repository_id', 'ref', 'commit', 'before', 'status'])
    // By commit alone: told of the status, too, a planner may read everything that waits, and that may be very much.
    .where('commit', 'in', [...new Set(queued.map((build) => build.commit))])
    .execute()
  // Of several the oldest, as if they had come one by one. Sorted here: there it would tempt SQLite to read the repository's history.
  rows.sort((a, b) => (a.id < b.id ? 1 : -1))
  const waiting = new Map(
    rows
      .filter((row) => row.status === 'queued')
      .map((row) => [pushKeyOf(row), { id: row.id, build: null as NewBuildRow | null }])
  )
  return decided.map(({ row, build }) => {
    if (build === null || build.status !== 'queued') return { row, build }
    const first = waiting.get(pushKeyOf(build))
    if (first !== undefined) return { row: { ...row, build_id: first.id }, build: first.build }
    waiting.set(pushKeyOf(build), { id: build.id, build })
    return { row, build }
  })
}

/** The statements that a receiver makes all the time. */
export interface DeliveryInserts {
  deliveries: InsertRows<DeliveryRow, { id: string }>
  builds: InsertRows<NewBuildRow, unknown>
}

/** For one database: of another kind the statements differ. */
export function createDeliveryInserts(): DeliveryInserts {
  return {
    deliveries: createInsertRows((tx, rows) =>
      tx
        .insertInto('deliveries')
        .values(rows)
        .onConflict((oc) => oc.columns(['forge_id', 'delivery_id']).doNothing())
        .returning('id')
    ),
    builds: createInsertRows((tx, rows) => tx.insertInto('builds').values(rows))
  }
}

/** Inserts what was decided. Returns the ids of the deliveries that are new indeed: another receiver may have been first. */
async function insert(tx: Transaction, inserts: DeliveryInserts, decided: Decided[]): Promise<Set<string>> {
  const inserted = new Set<string>()
  for (let start = 0; start < decided.length; start += batch) {
    const rows = decided.slice(start, start + batch).map(({ row }) => row)
    for (const { id } of await inserts.deliveries(tx, rows)) inserted.add(id)
  }
  const builds = new Map(
    decided.flatMap(({ row, build }) => (build !== null && inserted.has(row.id) ? [[build.id, build]] : []))
  )
  const rows = [...builds.values()]
  for (let start = 0; start < rows.length; start += batch) {
    await inserts.builds(tx, rows.slice(start, start + batch))
  }
  return inserted
}

/** See `Deliveries.record`. A handful of statements per batch, however many deliveries it has. */
export async function recordDeliveries(
  tx: Transaction,
  inserts: DeliveryInserts,
  deliveries: Received[],
  installationBranch: string | null,
  now: number
): Promise<RecordedDelivery[]> {
  const known = await findKnown(tx, deliveries)
  const seen = new Set(known.keys())
  const fresh = deliveries.filter(({ forgeId, delivery: { deliveryId } }) => {
    if (deliveryId === null) return true
    const key = keyOf(forgeId, deliveryId)
    return !seen.has(key) && seen.add(key)
  })
  const repositories = await lockRepositories(tx, fresh)
  let list: Promise<ReadonlySet<string> | null> | undefined
  const allowList = () => (list ??= readAllowList(tx))
  const deciding = { repositories, allowList, installationBranch, now }
  const decided: Decided[] = []
  for (const received of fresh) {
    const push = pushOf(received)
    decided.push(
      push === null ? { row: deliveryRow(received, now), build: null } : await decide(tx, received, push, deciding)
    )
  }
  const joined = await joinWaiting(tx, decided)
  const inserted = await insert(tx, inserts, joined)
  if (inserted.size < joined.length) {
    for (const [key, row] of await findKnown(tx, fresh)) known.set(key, row)
  }
  return answer(deliveries, fresh, joined, inserted, known)
}

/** One answer per delivery, in order. A second one of a batch is a duplicate of the first. */
function answer(
  deliveries: Received[],
  fresh: Received[],
  decided: Decided[],
  inserted: Set<string>,
  known: Map<string, Known>
): RecordedDelivery[] {
  const rowOf = new Map<Received, DeliveryRow>()
  for (const [index, received] of fresh.entries()) {
    const row = decided[index]?.row
    if (row === undefined) continue
    if (inserted.has(row.id)) rowOf.set(received, row)
    if (row.delivery_id !== null) {
      const key = keyOf(row.forge_id, row.delivery_id)
      if (!known.has(key)) known.set(key, row)
    }
  }
  return deliveries.map((received) => {
    const row = rowOf.get(received)
    if (row !== undefined) return { outcome: row.outcome, reason: row.reason, buildId: row.build_id }
    const first = known.get(keyOf(received.forgeId, received.delivery.deliveryId ?? ''))
    return { outcome: 'duplicate', reason: first?.reason ?? null, buildId: first?.build_id ?? null }
  })
}
