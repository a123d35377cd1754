import { type Access, type AccessTarget, Failure, type FunctionAccess } from '@slipway/domain'
import { sql } from 'kysely'
import type { Database, Transaction } from './database.ts'
import { bumpRoutes } from './functions.ts'

export function createAccess(database: Database): Access {
  return {
    of: (ownerId, name) =>
      database.read(async (db) => {
        const row = await db
          .selectFrom('functions')
          .innerJoin('owners', 'owners.id', 'functions.owner_id')
          .leftJoin('repositories', 'repositories.id', 'functions.repository_id')
          .select(['functions.access as own', 'repositories.access as repository', 'owners.access as owner'])
          .where('functions.owner_id', '=', ownerId)
          .where('functions.name', '=', name)
          .executeTakeFirst()
        if (row === undefined) throw new Failure('not-found', `there is no function "${name}"`)
        if (row.own !== null) return { access: row.own, source: 'function' }
        if (row.repository !== null) return { access: row.repository, source: 'repository' }
        return row.owner === null ? { access: 'public', source: 'default' } : { access: row.owner, source: 'owner' }
      }),
    set: (target, access) =>
      database.write(async (tx) => {
        const before = await swap(tx, target, access)
        if (before === undefined) throw new Failure('not-found', `there is no such ${target.kind}`)
        if (before !== access) await bumpRoutes(tx)
        return before
      })
  }
}

/** Returns what was set; undefined: there is no such thing. */
async function swap(
  tx: Transaction,
  target: AccessTarget,
  access: FunctionAccess | null
): Promise<FunctionAccess | null | undefined> {
  const where =
    target.kind === 'function'
      ? sql`owner_id = ${target.ownerId} and name = ${target.name}`
      : sql`id = ${target.kind === 'owner' ? target.ownerId : target.repositoryId}`
  const table = sql.table(`${target.kind === 'repository' ? 'repositorie' : target.kind}s`)
  const { rows } = await sql<{ access: FunctionAccess | null }>`select access from ${table} where ${where}`.execute(tx)
  const [row] = rows
  if (row !== undefined) await sql`update ${table} set access = ${access} where ${where}`.execute(tx)
  return row?.access
}
