import type { SealedSet, Secrets } from '@slipway/domain'
import { leaseLost, lockHeldBuild } from './build-rows.ts'
import type { Database, Transaction } from './database.ts'
import type { BuildRow, SecretSetRow } from './schema.ts'
import { redeployUsers } from './secret-redeploy.ts'
import { insertVersion } from './secret-rows.ts'

type Refusal = { name: string; reason: string }

/** Why a build may not seal a set; null when it may. A name that has no current version is free within its owner. */
async function refusalOf(
  tx: Transaction,
  build: BuildRow,
  { name, sharedName }: SealedSet,
  row: SecretSetRow | undefined
): Promise<Refusal | null> {
  if (row !== undefined && row.version_id !== null && row.repository_id !== build.repository_id) {
    if (row.repository_id === null) {
      const reason = `the secret "${name}" was put by API: remove it there ("slipway secrets remove ${name}"), or seal this one under another name`
      return { name, reason }
    }
    const other = await tx
      .selectFrom('repositories')
      .select('full_name')
      .where('id', '=', row.repository_id)
      .executeTakeFirst()
    return {
      name,
      reason: `the secret "${name}" is sealed in ${other?.full_name}: choose another name, or remove it there`
    }
  }
  if (sharedName === null) return null
  const holder = await tx
    .selectFrom('secret_sets')
    .select('owner_id')
    .where('shared_name', '=', sharedName)
    .where('owner_id', '!=', build.owner_id ?? '')
    .executeTakeFirst()
  if (holder === undefined) return null
  return {
    name,
    reason: `"${sharedName}" is another owner's in the namespace that owners share: seal it for a namespace of your own`
  }
}

/** Takes the name. The set becomes current only when the build goes live. */
async function claimSet(
  tx: Transaction,
  build: BuildRow & { owner_id: string },
  { name, sharedName }: SealedSet,
  row: SecretSetRow | undefined,
  now: number
): Promise<void> {
  if (row === undefined) {
    await tx
      .insertInto('secret_sets')
      .values({
        owner_id: build.owner_id,
        name,
        origin: 'sealed',
        repository_id: build.repository_id,
        shared_name: sharedName,
        version_id: null,
        generation: 0,
        created_at: now,
        updated_at: now
      })
      .execute()
    return
  }
  const isFree = row.version_id === null
  await tx
    .updateTable('secret_sets')
    .set({
      shared_name: sharedName ?? row.shared_name,
      ...(isFree ? { origin: 'sealed' as const, repository_id: build.repository_id } : {}),
      // Generations count per repository.
      ...(isFree && row.repository_id !== build.repository_id ? { generation: 0 } : {})
    })
    .where('owner_id', '=', build.owner_id)
    .where('name', '=', name)
    .execute()
}

export function createSealing(database: Database): Pick<Secrets, 'seal'> {
  return {
    seal: (buildId, holder, sets, now) =>
      database.write(async (tx) => {
        const { build } = await lockHeldBuild(tx, buildId, holder)
        const { owner_id: ownerId } = build
        if (build.status !== 'building' || ownerId === null) throw leaseLost(buildId)
        const rows = new Map<string, SecretSetRow | undefined>()
        // Always in the same order, so that builds that seal the same names do not wait for each other.
        const byName = sets.toSorted((a, b) => (a.name < b.name ? -1 : 1))
        for (const set of byName) {
          const row = await tx
            .selectFrom('secret_sets')
            .selectAll()
            .where('owner_id', '=', ownerId)
            .where('name', '=', set.name)
            .forUpdate()
            .executeTakeFirst()
          const refusal = await refusalOf(tx, build, set, row)
          if (refusal !== null) return refusal
          rows.set(set.name, row)
        }
        await tx.deleteFrom('build_secrets').where('build_id', '=', buildId).execute()
        for (const set of byName) {
          await claimSet(tx, { ...build, owner_id: ownerId }, set, rows.get(set.name), now)
          if ('ciphertext' in set.version) await insertVersion(tx, ownerId, set.name, set.version, now)
          const { versionId } = set.version
          await tx
            .insertInto('build_secrets')
            .values({ build_id: buildId, name: set.name, version_id: versionId })
            .execute()
        }
        return null
      })
  }
}

/**
 * What a build found sealed becomes current, for it is live; what its repository sealed before and no more ends, and so does what
 * the repository left behind under a former owner. Functions of other repositories that use a changed set are deployed again.
 */
export async function publishSealed(tx: Transaction, build: BuildRow, now: number): Promise<void> {
  const { repository_id: repositoryId, owner_id: ownerId, generation } = build
  if (ownerId === null || generation === null) return
  const found = await tx
    .selectFrom('build_secrets')
    .select(['name', 'version_id'])
    .where('build_id', '=', build.id)
    .orderBy('name')
    .execute()
  const sets = await tx
    .selectFrom('secret_sets')
    .selectAll()
    .where('repository_id', '=', repositoryId)
    .where('origin', '=', 'sealed')
    .where('generation', '<=', generation)
    .orderBy('name')
    .forUpdate()
    .execute()
  const changed = new Map<string, string>()
  for (const set of sets) {
    const sealed = set.owner_id === ownerId ? found.find(({ name }) => name === set.name) : undefined
    const versionId = sealed?.version_id ?? null
    if (versionId === set.version_id) continue
    await tx
      .updateTable('secret_sets')
      .set({ version_id: versionId, generation, updated_at: now })
      .where('owner_id', '=', set.owner_id)
      .where('name', '=', set.name)
      .execute()
    if (versionId !== null) changed.set(set.name, versionId)
  }
  if (changed.size === 0) return
  await redeployUsers(tx, ownerId, changed, { by: build.sender, exceptRepository: repositoryId }, now)
}
