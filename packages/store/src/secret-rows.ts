import type { NewSecretVersion, SecretSet, StoredSecret } from '@slipway/domain'
import type { Reader, Transaction } from './database.ts'
import type { SecretSetRow, SecretVersionRow } from './schema.ts'

export function toStoredSecret(row: SecretVersionRow): StoredSecret {
  return {
    versionId: row.id,
    ownerId: row.owner_id,
    name: row.name,
    keys: JSON.parse(row.keys_json) as string[],
    ciphertext: row.ciphertext,
    keyId: row.key_id,
    createdAt: row.created_at
  }
}

export function toSecretSet(set: SecretSetRow, version: SecretVersionRow): SecretSet {
  return {
    ownerId: set.owner_id,
    name: set.name,
    origin: set.origin,
    repositoryId: set.repository_id,
    versionId: version.id,
    keys: JSON.parse(version.keys_json) as string[],
    createdAt: set.created_at,
    updatedAt: set.updated_at
  }
}

export async function insertVersion(
  tx: Transaction,
  ownerId: string,
  name: string,
  { versionId, keys, ciphertext, keyId }: NewSecretVersion,
  now: number
): Promise<SecretVersionRow> {
  const row = { id: versionId, owner_id: ownerId, name, keys_json: JSON.stringify(keys), ciphertext, key_id: keyId }
  return tx
    .insertInto('secret_versions')
    .values({ ...row, created_at: now })
    .returningAll()
    .executeTakeFirstOrThrow()
}

export async function findVersions(db: Reader, ids: readonly string[]): Promise<SecretVersionRow[]> {
  if (ids.length === 0) return []
  return db
    .selectFrom('secret_versions')
    .selectAll()
    .where('id', 'in', [...new Set(ids)])
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}
