import { type Account, type Accounts, Failure, type Person } from '@slipway/domain'
import type { Database } from './database.ts'
import { newId } from './ids.ts'
import type { AccountRow } from './schema.ts'

export function toAccount(row: AccountRow): Account {
  return {
    id: row.id,
    forgeId: row.forge_id,
    forgeUserId: row.forge_user_id,
    login: row.login,
    name: row.name,
    isAdministrator: row.is_administrator === 1,
    createdAt: row.created_at,
    signedInAt: row.signed_in_at
  }
}

export function personColumns({ login, name }: Person) {
  return { login, name }
}

export function createAccounts(database: Database): Accounts {
  return {
    get: (id) =>
      database.read(async (db) => {
        const row = await db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst()
        return row === undefined ? null : toAccount(row)
      }),
    findByForge: (forgeId, forgeUserId) =>
      database.read(async (db) => {
        const row = await db
          .selectFrom('accounts')
          .selectAll()
          .where('forge_id', '=', forgeId)
          .where('forge_user_id', '=', forgeUserId)
          .executeTakeFirst()
        return row === undefined ? null : toAccount(row)
      }),
    list: ({ before, limit }) =>
      database.read(async (db) => {
        let query = db.selectFrom('accounts').selectAll().orderBy('id', 'desc').limit(limit)
        if (before !== null) query = query.where('id', '<', before)
        return (await query.execute()).map(toAccount)
      }),
    signIn: (forgeId, person, now) =>
      database.write(async (tx) => {
        const called = { ...personColumns(person), signed_in_at: now }
        const row = await tx
          .insertInto('accounts')
          .values({
            id: newId(),
            forge_id: forgeId,
            forge_user_id: person.forgeUserId,
            is_administrator: 0,
            created_at: now,
            ...called
          })
          .onConflict((oc) => oc.columns(['forge_id', 'forge_user_id']).doUpdateSet(called))
          .returningAll()
          .executeTakeFirstOrThrow()
        return toAccount(row)
      }),
    setAdministrator: (id, isAdministrator) =>
      database.write(async (tx) => {
        const row = await tx
          .updateTable('accounts')
          .set({ is_administrator: isAdministrator ? 1 : 0 })
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirst()
        if (row === undefined) throw new Failure('not-found', `there is no account ${id}`)
        return toAccount(row)
      }),
    hasAdministrator: () =>
      database.read(async (db) => {
        const found = db.selectFrom('accounts').select('id').where('is_administrator', '=', 1).limit(1)
        return (await found.executeTakeFirst()) !== undefined
      })
  }
}
