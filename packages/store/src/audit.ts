import type { Audit } from '@slipway/domain'
import type { Database, Transaction } from './database.ts'
import { newId } from './ids.ts'
import { visibleByOwner } from './visible.ts'

/** An entry that stands if, and only if, the change does that it tells of. */
export async function appendAudit(tx: Transaction, entry: Parameters<Audit['append']>[0]): Promise<void> {
  const { at, actor, action, ownerId, resource, detail } = entry
  const row = { id: newId(), at, actor, action, owner_id: ownerId, resource, detail_json: JSON.stringify(detail) }
  await tx.insertInto('audit').values(row).execute()
}

export function createAudit(database: Database): Audit {
  return {
    append: (entry) => database.write((tx) => appendAudit(tx, entry)),
    list: (whose, { before, limit }, { actor, action } = {}) =>
      database.read(async (db) => {
        let query = db.selectFrom('audit').selectAll().orderBy('id', 'desc').limit(limit)
        if (whose !== null) query = query.where(visibleByOwner(whose, 'audit.owner_id'))
        if (actor !== undefined) query = query.where('actor', '=', actor)
        if (action !== undefined) query = query.where('action', '=', action)
        if (before !== null) query = query.where('id', '<', before)
        const rows = await query.execute()
        return rows.map(({ owner_id: ownerId, detail_json: detail, ...entry }) => ({
          ...entry,
          ownerId,
          detail: JSON.parse(detail) as Record<string, unknown>
        }))
      })
  }
}
