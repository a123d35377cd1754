import type { ForgeRights, Grants, Memberships } from '@slipway/domain'
import { personColumns } from './accounts.ts'
import type { Database, Reader, Transaction } from './database.ts'
import { isLeaseOver } from './moments.ts'

/** Rows of one insert: databases limit the parameters of a statement. */
const chunk = 200

async function grantsOf(db: Reader, accountId: string, forgeId: string): Promise<Grants> {
  const owners = await db
    .selectFrom('memberships')
    .innerJoin('owners', 'owners.forge_owner_id', 'memberships.forge_object_id')
    .select(['owners.id', 'memberships.granted'])
    .where('memberships.account_id', '=', accountId)
    .where('memberships.scope', '=', 'owner')
    .where('owners.forge_id', '=', forgeId)
    .execute()
  const bySlug = await db
    .selectFrom('memberships')
    .innerJoin('owners', 'owners.slug', 'memberships.forge_object_id')
    .select(['owners.id', 'memberships.granted'])
    .where('memberships.account_id', '=', accountId)
    .where('memberships.scope', '=', 'slug')
    .execute()
  const repositories = await db
    .selectFrom('memberships')
    .innerJoin('repositories', 'repositories.forge_repository_id', 'memberships.forge_object_id')
    .select(['repositories.id', 'repositories.owner_id', 'memberships.granted'])
    .where('memberships.account_id', '=', accountId)
    .where('memberships.scope', '=', 'repository')
    .where('repositories.forge_id', '=', forgeId)
    .execute()
  return {
    // Nobody is told of in both ways: a forge knows its numbers, an OpenID provider our names.
    owners: new Map([...owners, ...bySlug].map(({ id, granted }) => [id, granted])),
    repositories: new Map(
      repositories.map(({ id, owner_id: ownerId, granted }) => [id, { ownerId, right: granted }] as const)
    )
  }
}

async function replaceRights(
  tx: Transaction,
  accountId: string,
  { owners, repositories, slugs = [] }: ForgeRights
): Promise<void> {
  await tx.deleteFrom('memberships').where('account_id', '=', accountId).execute()
  const rows = [
    ...new Map(owners.map((one) => [one.forgeOwnerId, { scope: 'owner' as const, granted: one.right }])),
    ...new Map(slugs.map((one) => [one.slug, { scope: 'slug' as const, granted: one.right }])),
    ...new Map(repositories.map((one) => [one.forgeRepositoryId, { scope: 'repository' as const, granted: one.right }]))
  ].map(([id, row]) => ({ account_id: accountId, forge_object_id: id, ...row }))
  for (let i = 0; i < rows.length; i += chunk) {
    await tx
      .insertInto('memberships')
      .values(rows.slice(i, i + chunk))
      .execute()
  }
}

export function createMemberships(database: Database): Memberships {
  return {
    grants: (accountId) =>
      database.read(async (db) => {
        const account = await db
          .selectFrom('accounts')
          .select(['forge_id', 'asked_at'])
          .where('id', '=', accountId)
          .executeTakeFirst()
        if (account === undefined || account.asked_at === null) return null
        return { grants: await grantsOf(db, accountId, account.forge_id), askedAt: account.asked_at }
      }),
    replace: (accountId, { person, rights }, now) =>
      database.write(async (tx) => {
        await tx
          .updateTable('accounts')
          .set({ ...personColumns(person), asked_at: now, asking_until: null })
          .where('id', '=', accountId)
          .execute()
        await replaceRights(tx, accountId, rights)
      }),
    credential: (accountId) =>
      database.read(async (db) => {
        const row = await db
          .selectFrom('accounts')
          .select(['credential', 'credential_key_id'])
          .where('id', '=', accountId)
          .executeTakeFirst()
        if (row === undefined || row.credential === null || row.credential_key_id === null) return null
        return { ciphertext: row.credential, keyId: row.credential_key_id }
      }),
    setCredential: (accountId, { ciphertext, keyId }) =>
      database.write(async (tx) => {
        await tx
          .updateTable('accounts')
          .set({ credential: ciphertext, credential_key_id: keyId })
          .where('id', '=', accountId)
          .execute()
      }),
    encryptedOtherwise: (keyId, limit) =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom('accounts')
          .select(['id', 'credential', 'credential_key_id'])
          .where('credential', 'is not', null)
          .where('credential_key_id', '!=', keyId)
          .orderBy('id')
          .limit(limit)
          .execute()
        return rows.flatMap(({ id: accountId, credential: ciphertext, credential_key_id: key }) =>
          ciphertext === null || key === null ? [] : [{ accountId, ciphertext, keyId: key }]
        )
      }),
    reencrypt: (accountId, before, { ciphertext, keyId }) =>
      database.write(async (tx) => {
        await tx
          .updateTable('accounts')
          .set({ credential: ciphertext, credential_key_id: keyId })
          .where('id', '=', accountId)
          .where('credential', '=', before)
          .execute()
      }),
    claim: (accountId, until, now) =>
      database.write(async (tx) => {
        const claimed = await tx
          .updateTable('accounts')
          .set({ asking_until: until })
          .where('id', '=', accountId)
          .where(isLeaseOver('asking_until', now))
          .returning('id')
          .executeTakeFirst()
        return claimed !== undefined
      }),
    release: (accountId) =>
      database.write(async (tx) => {
        await tx.updateTable('accounts').set({ asking_until: null }).where('id', '=', accountId).execute()
      }),
    forget: (accountId) =>
      database.write(async (tx) => {
        await tx.deleteFrom('memberships').where('account_id', '=', accountId).execute()
        await tx.deleteFrom('sessions').where('account_id', '=', accountId).execute()
        await tx
          .updateTable('accounts')
          .set({ credential: null, credential_key_id: null, asked_at: null, asking_until: null })
          .where('id', '=', accountId)
          .execute()
      })
  }
}
