import { Failure, type FunctionKey, type FunctionKeys } from '@slipway/domain'
import type { Selectable } from 'kysely'
import type { Database } from './database.ts'
import { bumpRoutes } from './functions.ts'
import { newId } from './ids.ts'
import type { Routes } from './routes.ts'
import type { FunctionKeysTable } from './schema.ts'

/** Every gateway holds all of them. */
const mostOfOwner = 100

export function createFunctionKeys(database: Database, known: Routes['keys']): FunctionKeys {
  return {
    known,
    create: ({ hash, ownerId, name, isOwn, functionName, createdBy, expiresAt }, now) =>
      database.write(async (tx) => {
        // Makers of one owner's come one after the other, or two could both make the last one.
        await tx.selectFrom('owners').select('id').where('id', '=', ownerId).forUpdate().execute()
        await tx.deleteFrom('function_keys').where('owner_id', '=', ownerId).where('expires_at', '<=', now).execute()
        const { count } = await tx
          .selectFrom('function_keys')
          .select((eb) => eb.fn.countAll<number>().as('count'))
          .where('owner_id', '=', ownerId)
          .executeTakeFirstOrThrow()
        if (count >= mostOfOwner) {
          throw new Failure('limit-exceeded', `an owner may have ${mostOfOwner} keys: revoke those that are not used`)
        }
        const row = {
          id: newId(),
          owner_id: ownerId,
          hash,
          name,
          is_own: isOwn ? 1 : 0,
          function_name: functionName,
          created_by: createdBy,
          created_at: now,
          expires_at: expiresAt
        } as const
        await tx.insertInto('function_keys').values(row).execute()
        await bumpRoutes(tx)
        return toKey(row)
      }),
    list: (ownerId) =>
      database.read(async (db) => {
        const rows = db.selectFrom('function_keys').selectAll().where('owner_id', '=', ownerId).orderBy('id', 'desc')
        return (await rows.execute()).map(toKey)
      }),
    revoke: (ownerId, id) =>
      database.write(async (tx) => {
        const row = await tx
          .deleteFrom('function_keys')
          .where('owner_id', '=', ownerId)
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirst()
        if (row === undefined) throw new Failure('not-found', `there is no key ${id}`)
        await bumpRoutes(tx)
        return toKey(row)
      })
  }
}

function toKey(row: Selectable<FunctionKeysTable>): FunctionKey {
  return {
    id: row.id,
    ownerId: row.owner_id,
    name: row.name,
    isOwn: row.is_own === 1,
    functionName: row.function_name,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at
  }
}
