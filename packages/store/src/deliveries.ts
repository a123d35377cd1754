import type { Deliveries, DeliveryRecord, ForgeEvent } from '@slipway/domain'
import type { Database } from './database.ts'
import { createDeliveryInserts, recordDeliveries } from './delivery-record.ts'
import { isColumnDue } from './moments.ts'
import type { DeliveryRow } from './schema.ts'
import { visibleRepositories } from './visible.ts'

/** Ids that one statement may name. */
const lookUpLimit = 1000

function toDeliveryRecord(row: DeliveryRow): DeliveryRecord {
  return {
    id: row.id,
    forgeId: row.forge_id,
    deliveryId: row.delivery_id,
    eventName: row.event_name,
    repositoryId: row.repository_id,
    ref: row.ref,
    commit: row.commit,
    outcome: row.outcome,
    reason: row.reason,
    buildId: row.build_id,
    receivedAt: row.received_at
  }
}

export function createDeliveries(database: Database): Deliveries {
  const inserts = createDeliveryInserts()
  return {
    record: (deliveries, installationBranch, now) =>
      database.write((tx) => recordDeliveries(tx, inserts, deliveries, installationBranch, now)),
    due: (now, limit) =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom('deliveries')
          .select(['id', 'forge_id', 'event_json', 'attempt'])
          .where('outcome', '=', 'accepted')
          .where(isColumnDue('deliveries.next_attempt_at', now))
          .orderBy('id')
          .limit(limit)
          .execute()
        return rows.flatMap(({ id, forge_id: forgeId, event_json: event, attempt }) =>
          event === null ? [] : [{ id, forgeId, event: JSON.parse(event) as ForgeEvent, attempt }]
        )
      }),
    settle: (id, { outcome, reason, nextAttemptAt }) =>
      database.write(async (tx) => {
        await tx
          .updateTable('deliveries')
          .set((eb) => ({
            outcome: outcome === 'retry' ? 'accepted' : outcome,
            reason,
            attempt: eb('attempt', '+', outcome === 'retry' ? 1 : 0),
            next_attempt_at: outcome === 'retry' ? nextAttemptAt : null
          }))
          .where('id', '=', id)
          .where('outcome', '=', 'accepted')
          .execute()
      }),
    known: (forgeId, deliveryIds) =>
      database.read(async (db) => {
        const known: string[] = []
        for (let start = 0; start < deliveryIds.length; start += lookUpLimit) {
          const rows = await db
            .selectFrom('deliveries')
            .select('delivery_id')
            .where('forge_id', '=', forgeId)
            .where('delivery_id', 'in', deliveryIds.slice(start, start + lookUpLimit))
            .execute()
          known.push(...rows.flatMap((row) => row.delivery_id ?? []))
        }
        return known
      }),
    newest: (forgeId, repositoryId) =>
      database.read(async (db) => {
        let query = db.selectFrom('deliveries').selectAll().where('forge_id', '=', forgeId)
        if (repositoryId !== undefined) query = query.where('repository_id', '=', repositoryId)
        const row = await query.orderBy('id', 'desc').limit(1).executeTakeFirst()
        return row === undefined ? null : toDeliveryRecord(row)
      }),
    list: (whose, { before, limit }, { repositoryId } = {}) =>
      database.read(async (db) => {
        let query = db.selectFrom('deliveries').selectAll().orderBy('id', 'desc').limit(limit)
        if (whose !== null) {
          query = query.where('repository_id', 'in', (eb) =>
            eb.selectFrom('repositories').select('id').where(visibleRepositories(whose))
          )
        }
        if (repositoryId !== undefined) query = query.where('repository_id', '=', repositoryId)
        if (before !== null) query = query.where('id', '<', before)
        return (await query.execute()).map(toDeliveryRecord)
      })
  }
}
