import {
  Failure,
  type ForgeRepository,
  type Page,
  type Repositories,
  type Repository,
  uploadForgeId,
  type Whose
} from '@slipway/domain'
import { sql } from 'kysely'
import { isActive, isQueued } from './build-conditions.ts'
import { endBuild } from './build-end.ts'
import type { Database, Reader, Transaction } from './database.ts'
import { newId } from './ids.ts'
import { isLeased } from './moments.ts'
import { findOwnerStop } from './owner-rows.ts'
import { ensureOwner } from './owners.ts'
import type { RepositoryRow } from './schema.ts'
import { visibleRepositories } from './visible.ts'

export function toRepository(row: RepositoryRow): Repository {
  return {
    id: row.id,
    ownerId: row.owner_id,
    forgeId: row.forge_id,
    forgeRepositoryId: row.forge_repository_id,
    name: row.name,
    fullName: row.full_name,
    defaultBranch: row.default_branch,
    isPrivate: row.is_private === 1,
    installationId: row.installation_id,
    branch: row.branch,
    stackPath: row.stack_path,
    isAtomic: row.is_atomic === 1,
    policy: row.policy,
    isAutomatic: row.is_automatic === 1,
    hasPublicPages: row.has_public_pages === 1,
    connectedAt: row.connected_at,
    disconnectedAt: row.disconnected_at,
    removedAt: row.removed_at,
    suspendedAt: row.suspended_at,
    seenBy: row.seen_by,
    connectionSeenBy: row.connection_seen_by,
    access: row.access
  }
}

/** Why nothing of the repository is built or deployed, as far as its forge says; null when nothing stands in the way. */
export function stopAtForge(row: Pick<RepositoryRow, 'disconnected_at' | 'suspended_at'>): string | null {
  if (row.disconnected_at !== null) return 'the repository was disconnected'
  return row.suspended_at === null ? null : 'the installation is suspended at the forge'
}

/** Why nothing of the repository is built or deployed, whoever stopped it; null when nothing stands in the way. */
export async function stopReason(
  db: Reader,
  row: Pick<RepositoryRow, 'disconnected_at' | 'suspended_at' | 'owner_id'>
): Promise<string | null> {
  return stopAtForge(row) ?? (await findOwnerStop(db, row.owner_id))
}

/**
 * Takes the repository for this transaction. Whoever changes what a repository's builds do to each other
 * (queueing, claiming, ending, switching) holds it, so that such changes happen one after the other.
 */
export async function lockRepository(tx: Transaction, id: string): Promise<RepositoryRow> {
  const row = await tx.selectFrom('repositories').selectAll().where('id', '=', id).forNoKeyUpdate().executeTakeFirst()
  if (row === undefined) throw new Failure('not-found', `there is no repository ${id}`)
  return row
}

/** Takes the repository, and its next generation with it: what got a lower one never follows. */
export async function nextGeneration(tx: Transaction, id: string): Promise<number> {
  const { generation } = await tx
    .updateTable('repositories')
    .set((eb) => ({ generation: eb('generation', '+', 1) }))
    .where('id', '=', id)
    .returning('generation')
    .executeTakeFirstOrThrow()
  return generation
}

/**
 * Stores what a forge says of a repository: made when unknown, otherwise renamed or moved to its new owner.
 * Builds without an owner, and those that nobody has begun, go with it. Writes nothing when nothing is new.
 */
export async function saveRepository(
  tx: Transaction,
  forgeId: string,
  found: ForgeRepository,
  now: number
): Promise<RepositoryRow> {
  const ownerId = found.owner === null ? null : await ensureOwner(tx, forgeId, found.owner, now)
  const known = await lockForgeRepository(tx, forgeId, found.forgeRepositoryId)
  const said = {
    owner_id: ownerId ?? known?.owner_id ?? null,
    name: found.name,
    full_name: found.fullName,
    default_branch: found.defaultBranch,
    is_private: found.isPrivate ? 1 : 0,
    installation_id: found.installationId ?? known?.installation_id ?? null
  } as const
  if (known === undefined) {
    const made = await tx
      .insertInto('repositories')
      .values({
        id: newId(),
        forge_id: forgeId,
        forge_repository_id: found.forgeRepositoryId,
        ...said,
        is_atomic: 1,
        generation: 0,
        connected_at: now
      })
      .onConflict((oc) => oc.doNothing())
      .returningAll()
      .executeTakeFirst()
    // Another process was first: what it stored is as new as ours.
    const row = made ?? (await lockForgeRepository(tx, forgeId, found.forgeRepositoryId))
    if (row === undefined) throw new Error(`repository ${found.forgeRepositoryId} could be neither made nor found`)
    return row
  }
  const isNew = Object.entries(said).some(([column, value]) => known[column as keyof typeof said] !== value)
  if (!isNew) return known
  if (said.owner_id !== known.owner_id) {
    await tx
      .updateTable('builds')
      .set((eb) => ({ owner_id: said.owner_id, version: eb('version', '+', 1) }))
      .where('repository_id', '=', known.id)
      .where((eb) => eb.or([eb('owner_id', 'is', null), eb('status', '=', 'queued')]))
      .execute()
  }
  return tx.updateTable('repositories').set(said).where('id', '=', known.id).returningAll().executeTakeFirstOrThrow()
}

function lockForgeRepository(
  tx: Transaction,
  forgeId: string,
  forgeRepositoryId: string
): Promise<RepositoryRow | undefined> {
  return tx
    .selectFrom('repositories')
    .selectAll()
    .where('forge_id', '=', forgeId)
    .where('forge_repository_id', '=', forgeRepositoryId)
    .forNoKeyUpdate()
    .executeTakeFirst()
}

/** Nothing of the repository is to be built: waiting builds end at once, running ones are marked for their workers. */
export async function stopBuilds(tx: Transaction, repositoryId: string, reason: string, now: number): Promise<void> {
  const builds = await tx
    .selectFrom('builds')
    .selectAll()
    .where('repository_id', '=', repositoryId)
    .where((eb) => eb.or([isQueued, isActive]))
    .orderBy('id')
    .forUpdate()
    .execute()
  for (const build of builds) {
    if (!isLeased(build.lease_until, now)) {
      await endBuild(tx, build, { status: 'cancelled', reason }, now)
    } else {
      await tx
        .updateTable('builds')
        .set({ cancel_requested_at: now, reason })
        .where('id', '=', build.id)
        .where('cancel_requested_at', 'is', null)
        .execute()
    }
  }
}

/** Where folders went of an owner that was removed: the row stays for the builds that point to it. */
const hasNoRemovedOwner = sql<boolean>`not exists (
  select 1 from owners where owners.id = repositories.owner_id and owners.slug is null and owners.forge_id = ${uploadForgeId}
)`

function list(db: Reader, whose: Whose, { before, limit }: Page): Promise<RepositoryRow[]> {
  return db
    .selectFrom('repositories')
    .selectAll()
    .where(hasNoRemovedOwner)
    .$if(whose !== null, (q) => q.where(visibleRepositories(whose)))
    .$if(before !== null, (q) => q.where('id', '<', before))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

export function createRepositories(database: Database): Omit<Repositories, 'setAutomatic'> {
  return {
    get: (id) =>
      database.read(async (db) => {
        const row = await db.selectFrom('repositories').selectAll().where('id', '=', id).executeTakeFirst()
        return row === undefined ? null : toRepository(row)
      }),
    findByForge: (forgeId, forgeRepositoryId) =>
      database.read(async (db) => {
        const row = await db
          .selectFrom('repositories')
          .selectAll()
          .where('forge_id', '=', forgeId)
          .where('forge_repository_id', '=', forgeRepositoryId)
          .executeTakeFirst()
        return row === undefined ? null : toRepository(row)
      }),
    list: (whose, page) => database.read(async (db) => (await list(db, whose, page)).map(toRepository)),
    connect: (forgeId, found, now, seenBy) =>
      database.write(async (tx) => {
        const row = await saveRepository(tx, forgeId, found, now)
        const { identity = row.seen_by, isConnectionSeen = false } = seenBy ?? {}
        const connectionSeenBy = isConnectionSeen ? identity : row.connection_seen_by
        const isNew = identity !== row.seen_by || connectionSeenBy !== row.connection_seen_by
        if (row.disconnected_at === null && !isNew) return toRepository(row)
        const connected = await tx
          .updateTable('repositories')
          .set({
            disconnected_at: null,
            removed_at: null,
            connected_at: row.disconnected_at === null ? row.connected_at : now,
            seen_by: identity,
            connection_seen_by: connectionSeenBy
          })
          .where('id', '=', row.id)
          .returningAll()
          .executeTakeFirstOrThrow()
        return toRepository(connected)
      }),
    setRemoved: (id, now) =>
      database.write(async (tx) => {
        await lockRepository(tx, id)
        await tx.updateTable('repositories').set({ removed_at: now }).where('id', '=', id).execute()
      }),
    disconnect: (id, now) =>
      database.write(async (tx) => {
        const row = await lockRepository(tx, id)
        if (row.disconnected_at === null) {
          await tx.updateTable('repositories').set({ disconnected_at: now }).where('id', '=', id).execute()
        }
        await stopBuilds(tx, id, 'the repository was disconnected', now)
      }),
    setSuspended: (forgeId, installationId, isSuspended, now) =>
      database.write(async (tx) => {
        await tx
          .updateTable('repositories')
          .set({ suspended_at: isSuspended ? now : null })
          .where('forge_id', '=', forgeId)
          .where('installation_id', '=', installationId)
          .where('suspended_at', isSuspended ? 'is' : 'is not', null)
          .execute()
      }),
    updateSettings: (id, { branch, stackPath, isAtomic, policy, hasPublicPages }) =>
      database.write(async (tx) => {
        const row = await lockRepository(tx, id)
        const changed = await tx
          .updateTable('repositories')
          .set({
            branch: branch === undefined ? row.branch : branch,
            stack_path: stackPath === undefined ? row.stack_path : stackPath,
            is_atomic: isAtomic === undefined ? row.is_atomic : isAtomic ? 1 : 0,
            policy: policy ?? row.policy,
            has_public_pages: hasPublicPages === undefined ? row.has_public_pages : hasPublicPages ? 1 : 0
          })
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirstOrThrow()
        return toRepository(changed)
      }),
    unresolved: (limit, except) =>
      database.read(async (db) => {
        let query = db
          .selectFrom('repositories')
          .selectAll()
          .where('owner_id', 'is', null)
          .where((eb) =>
            eb.exists(
              eb
                .selectFrom('builds')
                .select('builds.id')
                .whereRef('builds.repository_id', '=', 'repositories.id')
                .where(isQueued)
            )
          )
        if (except.length > 0) query = query.where('id', 'not in', except)
        const rows = await query.orderBy('id').limit(limit).execute()
        return rows.map(toRepository)
      }),
    ofForge: (forgeId, after, limit) =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom('repositories')
          .selectAll()
          .where('forge_id', '=', forgeId)
          .where('removed_at', 'is', null)
          .$if(after !== null, (q) => q.where('id', '>', after))
          .orderBy('id')
          .limit(limit)
          .execute()
        return rows.map(toRepository)
      }),
    installations: (forgeId) =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom('repositories')
          .select('installation_id')
          .distinct()
          .where('forge_id', '=', forgeId)
          .where('removed_at', 'is', null)
          .where('installation_id', 'is not', null)
          .execute()
        return rows.flatMap((row) => row.installation_id ?? [])
      }),
    ofInstallation: (forgeId, installationId) =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom('repositories')
          .selectAll()
          .where('forge_id', '=', forgeId)
          .where('installation_id', '=', installationId)
          .where('disconnected_at', 'is', null)
          .orderBy('id')
          .execute()
        return rows.map(toRepository)
      })
  }
}
