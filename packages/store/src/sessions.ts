import type { Account, Session, Sessions, Tickets } from '@slipway/domain'
import { toAccount } from './accounts.ts'
import type { Database, Reader } from './database.ts'
import { newId } from './ids.ts'
import type { SessionRow } from './schema.ts'

function toSession(row: SessionRow, account: Account | null): Session {
  const { id, created_at: createdAt, idle_until: idleUntil, expires_at: expiresAt } = row
  return { id, account, createdAt, idleUntil, expiresAt }
}

async function accountOf(db: Reader, id: string | null): Promise<Account | null> {
  if (id === null) return null
  return toAccount(await db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirstOrThrow())
}

export function createSessions(database: Database): Sessions {
  return {
    open: ({ tokenHash, accountId, idleUntil, expiresAt }, now) =>
      database.write(async (tx) => {
        await tx
          .deleteFrom('sessions')
          .where((eb) => eb.or([eb('idle_until', '<=', now), eb('expires_at', '<=', now)]))
          .execute()
        const row = await tx
          .insertInto('sessions')
          .values({
            id: newId(),
            token_hash: tokenHash,
            account_id: accountId,
            created_at: now,
            idle_until: idleUntil,
            expires_at: expiresAt
          })
          .returningAll()
          .executeTakeFirstOrThrow()
        return toSession(row, await accountOf(tx, accountId))
      }),
    find: (tokenHash, now) =>
      database.read(async (db) => {
        const row = await db
          .selectFrom('sessions')
          .selectAll()
          .where('token_hash', '=', tokenHash)
          .where('idle_until', '>', now)
          .where('expires_at', '>', now)
          .executeTakeFirst()
        return row === undefined ? null : toSession(row, await accountOf(db, row.account_id))
      }),
    putOff: (id, idleUntil) =>
      database.write(async (tx) => {
        await tx.updateTable('sessions').set({ idle_until: idleUntil }).where('id', '=', id).execute()
      }),
    end: (id) =>
      database.write(async (tx) => {
        await tx.deleteFrom('sessions').where('id', '=', id).execute()
      }),
    endAll: (accountId) =>
      database.write(async (tx) => {
        const all = tx.deleteFrom('sessions')
        const own = accountId === null ? all.where('account_id', 'is', null) : all.where('account_id', '=', accountId)
        return Number((await own.executeTakeFirst()).numDeletedRows)
      })
  }
}

export function createTickets(database: Database): Tickets {
  return {
    issue: ({ kind, hash, data, expiresAt }, now) =>
      database.write(async (tx) => {
        await tx.deleteFrom('tickets').where('expires_at', '<=', now).execute()
        await tx.insertInto('tickets').values({ kind, hash, data, expires_at: expiresAt }).execute()
      }),
    peek: (kind, hash, now) =>
      database.read(async (db) => {
        const row = await db
          .selectFrom('tickets')
          .select('data')
          .where('kind', '=', kind)
          .where('hash', '=', hash)
          .where('expires_at', '>', now)
          .executeTakeFirst()
        return row?.data ?? null
      }),
    take: (kind, hash, now) =>
      database.write(async (tx) => {
        const row = await tx
          .deleteFrom('tickets')
          .where('kind', '=', kind)
          .where('hash', '=', hash)
          .returning(['data', 'expires_at'])
          .executeTakeFirst()
        return row === undefined || row.expires_at <= now ? null : row.data
      }),
    revoke: (kind) =>
      database.write(async (tx) => {
        await tx.deleteFrom('tickets').where('kind', '=', kind).execute()
      })
  }
}
