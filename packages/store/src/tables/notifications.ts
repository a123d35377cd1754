import type { NotificationStatus, SinkKind } from '@slipway/domain'
import type { Selectable } from 'kysely'

export interface NotificationTables {
  notification_sinks: NotificationSinksTable
  notifications: NotificationsTable
}

/** Where people want to be told. */
export interface NotificationSinksTable {
  id: string
  owner_id: string | null
  kind: SinkKind
  host: string
  topics_json: string
  ciphertext: string
  key_id: string
  created_by: string
  created_at: number
}

export interface NotificationsTable {
  id: string
  sink_id: string
  event_id: string
  message_json: string
  status: NotificationStatus
  attempts: number
  next_attempt_at: number
  reason: string | null
  created_at: number
}

export type NotificationSinkRow = Selectable<NotificationSinksTable>
export type NotificationRow = Selectable<NotificationsTable>
