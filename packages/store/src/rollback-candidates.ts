import { sql } from 'kysely'
import type { Reader } from './database.ts'

/** Of each function of these owners the last deployments that were live and are not: what a rollback may go back to. */
export async function rollbackCandidates(
  db: Reader,
  ownerIds: string[],
  keepLast: number
): Promise<{ id: string; image_json: string }[]> {
  if (ownerIds.length === 0) return []
  return db
    .selectFrom((eb) =>
      eb
        .selectFrom('deployments')
        .select(['id', 'image_json'])
        .select(
          sql<number>`row_number() over (partition by owner_id, function_name order by live_at desc, id desc)`.as(
            'place'
          )
        )
        .where('owner_id', 'in', ownerIds)
        .where('status', '=', 'ended')
        .where('live_at', 'is not', null)
        .as('former')
    )
    .select(['id', 'image_json'])
    .where('place', '<=', keepLast)
    .execute()
}
