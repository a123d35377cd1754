import type { SealingKey, SealingKeys } from '@slipway/domain'
import type { Database, Transaction } from './database.ts'

async function insert(tx: Transaction, key: SealingKey): Promise<void> {
  await tx
    .insertInto('sealing_keys')
    .values({
      fingerprint: key.fingerprint,
      certificate: key.certificate,
      ciphertext: key.ciphertext,
      key_id: key.keyId,
      created_at: key.createdAt
    })
    .onConflict((oc) => oc.column('fingerprint').doNothing())
    .execute()
}

export function createSealingKeys(database: Database): SealingKeys {
  return {
    list: () =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom('sealing_keys')
          .selectAll()
          .orderBy('created_at', 'desc')
          .orderBy('fingerprint')
          .execute()
        return rows.map(({ key_id: keyId, created_at: createdAt, ...row }) => ({ ...row, keyId, createdAt }))
      }),
    add: (key) => database.write((tx) => insert(tx, key)),
    addFirst: (key) =>
      database.write(async (tx) => {
        // The row is the lock: of two processes the second waits here, and then finds the first one's key.
        await tx
          .insertInto('settings')
          .values({ key: 'sealing-key', value: key.fingerprint })
          .onConflict((oc) => oc.column('key').doUpdateSet((eb) => ({ value: eb.ref('settings.value') })))
          .execute()
        const known = await tx
          .selectFrom('sealing_keys')
          .select('fingerprint')
          .where('certificate', 'is not', null)
          .limit(1)
          .executeTakeFirst()
        if (known === undefined) await insert(tx, key)
      }),
    reencrypt: (fingerprint, before, { ciphertext, keyId }) =>
      database.write(async (tx) => {
        await tx
          .updateTable('sealing_keys')
          .set({ ciphertext, key_id: keyId })
          .where('fingerprint', '=', fingerprint)
          .where('ciphertext', '=', before)
          .execute()
      })
  }
}
