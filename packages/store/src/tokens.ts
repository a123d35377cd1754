import { type ApiToken, Failure, type Tokens } from '@slipway/domain'
import type { Database } from './database.ts'
import { newId } from './ids.ts'
import type { TokenRow } from './schema.ts'

const limitPerOwner = 200
/** So long an expired one is still shown, so that its owner sees why something stopped. */
const rememberedMs = 30 * 24 * 3600_000

function toToken(row: TokenRow): ApiToken {
  return {
    id: row.id,
    ownerId: row.owner_id,
    name: row.name,
    scope: row.scope,
    accountId: row.account_id,
    parentId: row.parent_id,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at
  }
}

export function createTokens(database: Database): Tokens {
  return {
    create: ({ hash, ownerId, name, scope, accountId, parentId, createdBy, expiresAt }, now) =>
      database.write(async (tx) => {
        // Makers of one owner's come one after the other, or two could both be the last one.
        await tx.selectFrom('owners').select('id').where('id', '=', ownerId).forUpdate().execute()
        await tx
          .deleteFrom('tokens')
          .where('owner_id', '=', ownerId)
          .where('expires_at', '<', now - rememberedMs)
          .execute()
        const { count } = await tx
          .selectFrom('tokens')
          .select((eb) => eb.fn.countAll<number>().as('count'))
          .where('owner_id', '=', ownerId)
          .executeTakeFirstOrThrow()
        if (count >= limitPerOwner) {
          throw new Failure(
            'limit-exceeded',
            `an owner may have ${limitPerOwner} tokens: revoke those that are not used`
          )
        }
        const row = await tx
          .insertInto('tokens')
          .values({
            id: newId(),
            hash,
            owner_id: ownerId,
            name,
            scope,
            account_id: accountId,
            parent_id: parentId,
            created_by: createdBy,
            created_at: now,
            expires_at: expiresAt
          })
          .returningAll()
          .executeTakeFirstOrThrow()
        return toToken(row)
      }),
    find: (hash, now) =>
      database.read(async (db) => {
        const row = await db
          .selectFrom('tokens')
          .selectAll()
          .where('hash', '=', hash)
          .where('expires_at', '>', now)
          .executeTakeFirst()
        return row === undefined ? null : toToken(row)
      }),
    get: (id) =>
      database.read(async (db) => {
        const row = await db.selectFrom('tokens').selectAll().where('id', '=', id).executeTakeFirst()
        return row === undefined ? null : toToken(row)
      }),
    list: (ownerId, accountId) =>
      database.read(async (db) => {
        let query = db.selectFrom('tokens').selectAll().where('owner_id', '=', ownerId).orderBy('id', 'desc')
        if (accountId !== undefined) query = query.where('account_id', accountId === null ? 'is' : '=', accountId)
        return (await query.execute()).map(toToken)
      }),
    revoke: (id) =>
      database.write(async (tx) => {
        const { numDeletedRows } = await tx.deleteFrom('tokens').where('id', '=', id).executeTakeFirst()
        if (numDeletedRows === 0n) throw new Failure('not-found', `there is no token ${id}`)
      }),
    use: (uses) =>
      database.write(async (tx) => {
        // In one order everywhere, so that two who write do not wait for each other.
        for (const { id, at } of uses.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
          await tx
            .updateTable('tokens')
            .set({ last_used_at: at })
            .where('id', '=', id)
            .where((eb) => eb.or([eb('last_used_at', 'is', null), eb('last_used_at', '<', at)]))
            .execute()
        }
      })
  }
}
