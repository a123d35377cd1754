import type { Settings } from '@slipway/domain'
import type { Database, Reader } from './database.ts'
import { isLeaseOver } from './moments.ts'

async function find(db: Reader, key: string): Promise<string | null> {
  const row = await db.selectFrom('settings').select('value').where('key', '=', key).executeTakeFirst()
  return row?.value ?? null
}

export function createSettings(database: Database): Settings {
  return {
    get: (key) => database.read((db) => find(db, key)),
    ensure: (key, value) =>
      database.write(async (tx) => {
        await tx
          .insertInto('settings')
          .values({ key, value })
          .onConflict((oc) => oc.column('key').doNothing())
          .execute()
        return (await find(tx, key)) ?? value
      }),
    set: (key, value) =>
      database.write(async (tx) => {
        await tx
          .insertInto('settings')
          .values({ key, value })
          .onConflict((oc) => oc.column('key').doUpdateSet({ value }))
          .execute()
      }),
    lease: (name, holder, leaseMs, now) =>
      database.write(async (tx) => {
        const lease = { holder, lease_until: now + leaseMs }
        const row = await tx
          .insertInto('leases')
          .values({ name, ...lease })
          .onConflict((oc) =>
            oc
              .column('name')
              .doUpdateSet(lease)
              .where((eb) => eb.or([eb('leases.holder', '=', holder), isLeaseOver('leases.lease_until', now)]))
          )
          .returning('name')
          .executeTakeFirst()
        return row !== undefined
      })
  }
}
