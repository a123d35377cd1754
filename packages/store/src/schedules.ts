import type { Schedules } from '@slipway/domain'
import type { Database } from './database.ts'

export function createSchedules(database: Database): Schedules {
  return {
    last: (ownerId, functionName) =>
      database.read(async (db) => {
        const row = await db
          .selectFrom('schedule_runs')
          .selectAll()
          .where('owner_id', '=', ownerId)
          .where('function_name', '=', functionName)
          .executeTakeFirst()
        if (row === undefined) return null
        const { at, outcome, reason, call_id: callId } = row
        return { ownerId, functionName, at, outcome, reason, callId }
      }),
    note: ({ ownerId, functionName, at, outcome, reason, callId }) =>
      database.write(async (tx) => {
        const told = { at, outcome, reason, ...(callId === null ? {} : { call_id: callId }) }
        await tx
          .insertInto('schedule_runs')
          .values({ owner_id: ownerId, function_name: functionName, call_id: null, ...told })
          .onConflict((oc) => oc.columns(['owner_id', 'function_name']).doUpdateSet(told))
          .execute()
      })
  }
}
