import type { Retention } from '@slipway/domain'
import { batchLimit, pause } from './batches.ts'
import type { Database } from './database.ts'

/** By their time alone. */
async function removeBefore(
  database: Database,
  table: 'traffic_minutes' | 'traffic_hours',
  before: number,
  signal: AbortSignal
): Promise<number> {
  for (let removed = 0; ; ) {
    signal.throwIfAborted()
    const { numDeletedRows } = await database.write((tx) =>
      tx
        .deleteFrom(table)
        .where(({ eb, refTuple, selectFrom }) =>
          eb(
            refTuple('owner_id', 'function_name', 'at'),
            'in',
            selectFrom(table)
              .select(['owner_id', 'function_name', 'at'])
              .where('at', '<', before)
              .orderBy('at')
              .limit(batchLimit)
              .$asTuple('owner_id', 'function_name', 'at')
          )
        )
        .executeTakeFirst()
    )
    removed += Number(numDeletedRows)
    if (Number(numDeletedRows) < batchLimit) return removed
    await pause()
  }
}

export function createTrafficRetention(database: Database): Pick<Retention, 'removeTraffic'> {
  return {
    async removeTraffic({ minutes, hours }, signal) {
      const removed = await removeBefore(database, 'traffic_minutes', minutes, signal)
      await database.write((tx) => tx.deleteFrom('traffic_senders').where('at', '<', minutes).execute())
      return removed + (await removeBefore(database, 'traffic_hours', hours, signal))
    }
  }
}
