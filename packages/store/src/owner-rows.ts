import { type Owner, ownerStopReason } from '@slipway/domain'
import type { Reader } from './database.ts'
import type { OwnerRow } from './schema.ts'

export function toOwner(row: OwnerRow): Owner {
  return {
    id: row.id,
    forgeId: row.forge_id,
    forgeOwnerId: row.forge_owner_id,
    login: row.login,
    slug: row.slug,
    buildIsolation: row.build_isolation,
    ...stopOf(row),
    createdAt: row.created_at
  }
}

type OwnerStopColumns = Pick<OwnerRow, 'is_listed' | 'suspended_at' | 'suspension_reason'>

export function stopOf({
  is_listed: isListed,
  suspended_at: at,
  suspension_reason: reason
}: OwnerStopColumns): Pick<Owner, 'isListed' | 'suspension'> {
  return { isListed: isListed === 1, suspension: at === null ? null : { at, reason: reason ?? '' } }
}

/** Why nothing of these owners is built or deployed, by their ids; who may is not named. */
export async function findOwnerStops(db: Reader, ownerIds: (string | null)[]): Promise<Map<string, string>> {
  const ids = [...new Set(ownerIds.filter((id) => id !== null))]
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom('owners')
    .select(['id', 'is_listed', 'suspended_at', 'suspension_reason'])
    .where('id', 'in', ids)
    .where((eb) => eb.or([eb('is_listed', '=', 0), eb('suspended_at', 'is not', null)]))
    .execute()
  return new Map(rows.map((row) => [row.id, ownerStopReason(stopOf(row)) ?? '']))
}

/** The same of one owner; null when it may, or is not known yet. */
export async function findOwnerStop(db: Reader, ownerId: string | null): Promise<string | null> {
  return ownerId === null ? null : ((await findOwnerStops(db, [ownerId])).get(ownerId) ?? null)
}
