import type { Audit } from '@slipway/domain'
import type { Database } from './database.ts'
import { newId } from './ids.ts'

export function createAudit(database: Database): Audit {
  return {
    append: ({ at, actor, action, ownerId, resource, detail }) =>
      database.write(async (tx) => {
        const row = { id: newId(), at, actor, action, owner_id: ownerId, resource, detail_json: JSON.stringify(detail) }
        await tx.insertInto('audit').values(row).execute()
      }),
    list: (ownerId, { before, limit }) =>
      database.read(async (db) => {
        let query = db.selectFrom('audit').selectAll().orderBy('id', 'desc').limit(limit)
        if (ownerId !== null) query = query.where('owner_id', '=', ownerId)
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
