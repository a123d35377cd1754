import { type Build, type Builds, Failure, type NewUpload, uploadForgeId, uploadRef } from '@slipway/domain'
import { isActive, isQueued } from './build-conditions.ts'
import { endBuild } from './build-end.ts'
import { queueBuild } from './build-queue.ts'
import { toBuild } from './build-rows.ts'
import type { Database, Transaction } from './database.ts'
import { newId } from './ids.ts'
import { isLeased } from './moments.ts'
import { findOwnerStop } from './owner-rows.ts'
import { lockRepository } from './repositories.ts'
import type { BuildRow, RepositoryRow } from './schema.ts'

/** The repository that stands for a folder, locked; made when it is the first time that it is sent. */
async function folderOf(tx: Transaction, { ownerId, name }: NewUpload, now: number): Promise<RepositoryRow> {
  const owner = await tx.selectFrom('owners').select('slug').where('id', '=', ownerId).executeTakeFirst()
  if (owner?.slug == null) throw new Failure('not-found', 'there is no such owner, or it has no slug yet')
  const forgeRepositoryId = `${ownerId}/${name}`
  await tx
    .insertInto('repositories')
    .values({
      id: newId(),
      owner_id: ownerId,
      forge_id: uploadForgeId,
      forge_repository_id: forgeRepositoryId,
      name,
      // No repository of a forge is called like this: names say which is meant.
      full_name: `${uploadForgeId}/${owner.slug}/${name}`,
      default_branch: uploadRef.slice('refs/heads/'.length),
      is_private: 1,
      installation_id: null,
      is_atomic: 1,
      policy: 'override',
      generation: 0,
      connected_at: now
    })
    .onConflict((oc) => oc.doNothing())
    .execute()
  const { id } = await tx
    .selectFrom('repositories')
    .select('id')
    .where('forge_id', '=', uploadForgeId)
    .where('forge_repository_id', '=', forgeRepositoryId)
    .executeTakeFirstOrThrow()
  return lockRepository(tx, id)
}

/** Somebody sent something newer: what waits ends, what runs is marked for its worker. Returns the latter. */
async function overtake(tx: Transaction, builds: BuildRow[], policy: RepositoryRow['policy'], now: number) {
  const reason = 'the folder was deployed again'
  const overtaken: string[] = []
  for (const build of builds) {
    if (!isLeased(build.lease_until, now) && build.status === 'queued') {
      await endBuild(tx, build, { status: 'superseded', reason }, now)
    } else if (policy === 'override') {
      await tx
        .updateTable('builds')
        .set((eb) => ({ cancel_requested_at: now, is_overtaken: 1, reason, version: eb('version', '+', 1) }))
        .where('id', '=', build.id)
        .where('cancel_requested_at', 'is', null)
        .execute()
      overtaken.push(build.id)
    }
  }
  return overtaken
}

async function queueUpload(
  tx: Transaction,
  upload: NewUpload,
  now: number
): Promise<{ build: Build; overtaken: string[] }> {
  const stop = await findOwnerStop(tx, upload.ownerId)
  if (stop !== null) throw new Failure('conflict', `${stop}: nothing of it can be deployed`)
  const repository = await folderOf(tx, upload, now)
  if (repository.removed_at !== null) {
    await tx.updateTable('repositories').set({ removed_at: null }).where('id', '=', repository.id).execute()
  }
  const open = await tx
    .selectFrom('builds')
    .selectAll()
    .where('repository_id', '=', repository.id)
    .where('trigger', '=', 'api')
    .where((eb) => eb.or([isQueued, isActive]))
    .orderBy('id')
    .forUpdate()
    .execute()
  const { commit, message, sender } = upload
  const newest = open.at(-1)
  if (newest?.commit === commit && newest.cancel_requested_at === null) return { build: toBuild(newest), overtaken: [] }
  const overtaken = await overtake(tx, open, repository.policy, now)
  const build = { ref: uploadRef, commit, before: null, trigger: 'api', message, sender, noCache: false } as const
  return { build: toBuild(await queueBuild(tx, repository, build, now)), overtaken }
}

export function createUploadBuilds(database: Database): Pick<Builds, 'queueUpload'> {
  return { queueUpload: (upload, now) => database.write((tx) => queueUpload(tx, upload, now)) }
}
