import { type Owner, type Owners, uploadForgeId } from '@slipway/domain'
import type { Database, Reader, Transaction } from './database.ts'
import { toOwner } from './owner-rows.ts'

const key = 'allow-list'

/** Ids that one statement may name. */
const batch = 500

/** The allow list as it was last kept; null: there is none, and everybody is on it. */
export async function readAllowList(db: Reader): Promise<ReadonlySet<string> | null> {
  const row = await db.selectFrom('settings').select('value').where('key', '=', key).executeTakeFirst()
  return row === undefined ? null : new Set(JSON.parse(row.value) as string[])
}

/** Is an account of a forge on the list? Owners without a forge were made by an administrator. */
export function isOnList(list: ReadonlySet<string> | null, forgeId: string, login: string): boolean {
  return list === null || forgeId === uploadForgeId || list.has(login.toLowerCase())
}

async function keep(tx: Transaction, logins: readonly string[] | null): Promise<void> {
  if (logins === null) {
    await tx.deleteFrom('settings').where('key', '=', key).execute()
    return
  }
  const value = JSON.stringify([...new Set(logins.map((login) => login.toLowerCase()))].sort())
  await tx
    .insertInto('settings')
    .values({ key, value })
    .onConflict((oc) => oc.column('key').doUpdateSet({ value }))
    .execute()
}

/** Every owner's column follows the list: who asks it need not read the list. */
async function follow(tx: Transaction, list: ReadonlySet<string> | null): Promise<Owner[]> {
  const owners = await tx.selectFrom('owners').select(['id', 'forge_id', 'login', 'is_listed']).execute()
  const changed: Owner[] = []
  for (const isListed of [0, 1] as const) {
    const ids = owners
      .filter((one) => (isOnList(list, one.forge_id, one.login) ? 1 : 0) === isListed && one.is_listed !== isListed)
      .map(({ id }) => id)
    for (let start = 0; start < ids.length; start += batch) {
      const rows = await tx
        .updateTable('owners')
        .set({ is_listed: isListed })
        .where('id', 'in', ids.slice(start, start + batch))
        .returningAll()
        .execute()
      changed.push(...rows.map(toOwner))
    }
  }
  return changed
}

export function createAllowList(database: Database): Pick<Owners, 'allowList' | 'setAllowList'> {
  return {
    allowList: () =>
      database.read(async (db) => {
        const list = await readAllowList(db)
        return list === null ? null : [...list]
      }),
    setAllowList: (logins) =>
      database.write(async (tx) => {
        await keep(tx, logins)
        return follow(tx, await readAllowList(tx))
      })
  }
}
