import { type Deliveries, type ForgeRepository, ownerStopReason, type PushEvent } from '@slipway/domain'
import type { Transaction } from './database.ts'
import { stopOf } from './owner-rows.ts'
import type { DeliveryRow, RepositoryRow } from './schema.ts'

export type Received = Parameters<Deliveries['record']>[0][number]
export type Known = Pick<DeliveryRow, 'forge_id' | 'delivery_id' | 'reason' | 'build_id'>
export type KnownRepository = RepositoryRow & {
  forge_owner_id: string | null
  login: string | null
  /** null while the owner is not known. */
  is_listed: 0 | 1 | null
  /** Why nothing of its owner is built. */
  owner_stop: string | null
}

export const keyOf = (forgeId: string, id: string): string => `${forgeId} ${id}`

export function pushOf({ delivery: { event } }: Received): PushEvent | null {
  return event.kind === 'push' ? event.push : null
}

/** What was recorded of these deliveries before, by forge and delivery id. */
export async function findKnown(tx: Transaction, deliveries: Received[]): Promise<Map<string, Known>> {
  const ids = deliveries.flatMap(({ delivery }) => delivery.deliveryId ?? [])
  if (ids.length === 0) return new Map()
  const rows = await tx
    .selectFrom('deliveries')
    .select(['forge_id', 'delivery_id', 'reason', 'build_id'])
    .where('forge_id', 'in', [...new Set(deliveries.map(({ forgeId }) => forgeId))])
    .where('delivery_id', 'in', ids)
    .execute()
  return new Map(rows.map((row) => [keyOf(row.forge_id, row.delivery_id ?? ''), row]))
}

/**
 * The repositories that pushes name, held for this transaction, so that two receivers that were told of one push
 * (a redelivery, a second hook) do not both queue it. In order of their ids: nobody waits in a circle.
 */
export async function lockRepositories(tx: Transaction, deliveries: Received[]): Promise<Map<string, KnownRepository>> {
  const pushes = deliveries.filter((delivery) => pushOf(delivery) !== null)
  if (pushes.length === 0) return new Map()
  const rows = await tx
    .selectFrom('repositories')
    .leftJoin('owners', 'owners.id', 'repositories.owner_id')
    .selectAll('repositories')
    .select(['owners.forge_owner_id', 'owners.login'])
    .select(['owners.is_listed', 'owners.suspended_at as owner_suspended_at', 'owners.suspension_reason'])
    .where('repositories.forge_id', 'in', [...new Set(pushes.map(({ forgeId }) => forgeId))])
    .where('repositories.forge_repository_id', 'in', [
      ...new Set(pushes.flatMap((delivery) => pushOf(delivery)?.repository.forgeRepositoryId ?? []))
    ])
    .orderBy('repositories.id')
    .forNoKeyUpdate('repositories')
    .execute()
  return new Map(
    rows.map(({ owner_suspended_at: suspendedAt, suspension_reason: reason, ...row }) => {
      const stop = { is_listed: row.is_listed ?? 1, suspended_at: suspendedAt, suspension_reason: reason }
      return [keyOf(row.forge_id, row.forge_repository_id), { ...row, owner_stop: ownerStopReason(stopOf(stop)) }]
    })
  )
}

/** True when a payload tells nothing that is not stored: nearly always, and then nothing is written. */
export function isStored(known: KnownRepository, said: ForgeRepository): boolean {
  return (
    known.name === said.name &&
    known.full_name === said.fullName &&
    known.default_branch === said.defaultBranch &&
    known.is_private === (said.isPrivate ? 1 : 0) &&
    (said.installationId === null || known.installation_id === said.installationId) &&
    (said.owner === null || (known.forge_owner_id === said.owner.forgeOwnerId && known.login === said.owner.login))
  )
}
