import type { DeliveryOutcome } from '@slipway/domain'
import type { Selectable } from 'kysely'

export interface DeliveryTables {
  deliveries: DeliveriesTable
}

export interface DeliveriesTable {
  id: string
  forge_id: string
  delivery_id: string | null
  event_name: string
  repository_id: string | null
  ref: string | null
  commit: string | null
  outcome: DeliveryOutcome
  reason: string | null
  build_id: string | null
  /** The event, where one is still to be applied; pushes live on in their builds. */
  event_json: string | null
  attempt: number
  next_attempt_at: number | null
  received_at: number
}

export type DeliveryRow = Selectable<DeliveriesTable>
