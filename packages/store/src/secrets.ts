import { Failure, type SecretSet, type Secrets } from '@slipway/domain'
import { sql } from 'kysely'
import { isActive } from './build-conditions.ts'
import { lockHeldBuild, toBuild } from './build-rows.ts'
import type { Database, Reader, Transaction } from './database.ts'
import type { SecretSetRow } from './schema.ts'
import { findPins, pinsOf } from './secret-pins.ts'
import { findUsers, redeployUsers } from './secret-redeploy.ts'
import { findVersions, insertVersion, toSecretSet, toStoredSecret } from './secret-rows.ts'
import { createSealing } from './secret-seal.ts'

async function currentSets(db: Reader, ownerId: string, name: string | null): Promise<SecretSet[]> {
  let query = db
    .selectFrom('secret_sets')
    .selectAll()
    .where('owner_id', '=', ownerId)
    .where('version_id', 'is not', null)
    .orderBy('name')
  if (name !== null) query = query.where('name', '=', name)
  const sets = await query.execute()
  const versions = await findVersions(
    db,
    sets.flatMap(({ version_id: id }) => id ?? [])
  )
  return sets.flatMap((set) => {
    const version = versions.find(({ id }) => id === set.version_id)
    return version === undefined ? [] : [toSecretSet(set, version)]
  })
}

function lockSet(tx: Transaction, ownerId: string, name: string): Promise<SecretSetRow | undefined> {
  return tx
    .selectFrom('secret_sets')
    .selectAll()
    .where('owner_id', '=', ownerId)
    .where('name', '=', name)
    .forUpdate()
    .executeTakeFirst()
}

/** A set that a repository seals is changed there alone: the next push would undo anything else. */
async function refuseSealed(tx: Transaction, row: SecretSetRow | undefined): Promise<void> {
  if (row === undefined || row.version_id === null || row.repository_id === null) return
  const repository = await tx
    .selectFrom('repositories')
    .select('full_name')
    .where('id', '=', row.repository_id)
    .executeTakeFirst()
  throw new Failure(
    'conflict',
    `the secret "${row.name}" is sealed in ${repository?.full_name}: change it in the secrets.yml there, or choose another name`
  )
}

function createChanges(database: Database): Pick<Secrets, 'put' | 'remove'> {
  return {
    put: ({ ownerId, name, version, by }, now) =>
      database.write(async (tx) => {
        const row = await lockSet(tx, ownerId, name)
        await refuseSealed(tx, row)
        const stored = await insertVersion(tx, ownerId, name, version, now)
        const current = {
          origin: 'api' as const,
          repository_id: null,
          version_id: stored.id,
          generation: 0,
          updated_at: now
        }
        const set = await tx
          .insertInto('secret_sets')
          .values({ owner_id: ownerId, name, shared_name: null, created_at: now, ...current })
          .onConflict((oc) => oc.columns(['owner_id', 'name']).doUpdateSet(current))
          .returningAll()
          .executeTakeFirstOrThrow()
        const about = { by, exceptRepository: null }
        const builds = await redeployUsers(tx, ownerId, new Map([[name, stored.id]]), about, now)
        return { set: toSecretSet(set, stored), redeploys: builds.map(toBuild) }
      }),
    remove: (ownerId, name, now) =>
      database.write(async (tx) => {
        const row = await lockSet(tx, ownerId, name)
        if (row === undefined || row.version_id === null) {
          throw new Failure('not-found', `there is no secret "${name}"`)
        }
        await refuseSealed(tx, row)
        const users = await findUsers(tx, ownerId, new Set([name]))
        if (users.length > 0) {
          const names = [...new Set(users.map((user) => user.cluster_name))].join(', ')
          throw new Failure(
            'conflict',
            `the secret "${name}" is used by ${names}: take it out of their stack.yml first`
          )
        }
        await tx
          .updateTable('secret_sets')
          .set({ version_id: null, updated_at: now })
          .where('owner_id', '=', ownerId)
          .where('name', '=', name)
          .execute()
      })
  }
}

function createQuestions(database: Database): Pick<Secrets, 'list' | 'get' | 'ofBuild' | 'versions' | 'inUse'> {
  return {
    list: (ownerId) => database.read((db) => currentSets(db, ownerId, null)),
    get: (ownerId, name) => database.read(async (db) => (await currentSets(db, ownerId, name))[0] ?? null),
    ofBuild: (buildId, holder, names) =>
      database.write(async (tx) => {
        const { build } = await lockHeldBuild(tx, buildId, holder)
        const pins = await findPins(tx, { buildId, ownerId: build.owner_id ?? '' }, names)
        const versions = await findVersions(
          tx,
          pins.map(({ versionId }) => versionId)
        )
        return versions.map(toStoredSecret)
      }),
    versions: (ids) => database.read(async (db) => (await findVersions(db, ids)).map(toStoredSecret)),
    inUse: (ownerId) =>
      database.read(async (db) => {
        const current = await db
          .selectFrom('secret_sets')
          .select('version_id')
          .where('owner_id', '=', ownerId)
          .where('version_id', 'is not', null)
          .execute()
        const sealed = await db
          .selectFrom('build_secrets')
          .innerJoin('builds', 'builds.id', 'build_secrets.build_id')
          .select('build_secrets.version_id')
          .where('builds.owner_id', '=', ownerId)
          .where(isActive)
          .execute()
        const running = await db
          .selectFrom('deployments')
          .select('secrets_json')
          .where('owner_id', '=', ownerId)
          .where('status', 'in', ['starting', 'live', 'draining'])
          .execute()
        const ids = [...current, ...sealed].flatMap(({ version_id: id }) => id ?? [])
        const pinned = running.flatMap(pinsOf).map(({ versionId }) => versionId)
        const versions = await findVersions(db, [...ids, ...pinned])
        return versions.filter(({ owner_id: owner }) => owner === ownerId).map(toStoredSecret)
      })
  }
}

/** What nothing refers to. A deployment's pins are JSON: an id in them is found as a text. */
const isForgotten = sql<boolean>`not exists (select 1 from secret_sets where secret_sets.version_id = secret_versions.id)
  and not exists (select 1 from build_secrets where build_secrets.version_id = secret_versions.id)
  and not exists (select 1 from deployments where deployments.owner_id = secret_versions.owner_id
    and deployments.secrets_json like '%' || secret_versions.id || '%')`

function createUpkeep(database: Database): Pick<Secrets, 'encryptedOtherwise' | 'reencrypt' | 'collect'> {
  return {
    encryptedOtherwise: (keyId, limit) =>
      database.read(async (db) => {
        const query = db.selectFrom('secret_versions').selectAll().where('key_id', '!=', keyId)
        return (await query.orderBy('id').limit(limit).execute()).map(toStoredSecret)
      }),
    reencrypt: (versionId, before, { ciphertext, keyId }) =>
      database.write(async (tx) => {
        await tx
          .updateTable('secret_versions')
          .set({ ciphertext, key_id: keyId })
          .where('id', '=', versionId)
          .where('ciphertext', '=', before)
          .execute()
      }),
    collect: (before) =>
      database.write(async (tx) => {
        await tx
          .deleteFrom('build_secrets')
          .where(
            sql<boolean>`not exists (select 1 from builds where builds.id = build_secrets.build_id
              and builds.status in ('queued', 'building', 'deploying'))`
          )
          .execute()
        const { numDeletedRows } = await tx
          .deleteFrom('secret_versions')
          .where('created_at', '<', before)
          .where(isForgotten)
          .executeTakeFirst()
        return Number(numDeletedRows)
      })
  }
}

export function createSecrets(database: Database): Secrets {
  return {
    ...createChanges(database),
    ...createSealing(database),
    ...createQuestions(database),
    ...createUpkeep(database)
  }
}
