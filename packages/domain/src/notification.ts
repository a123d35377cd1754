/** What somebody may want to hear of. `audit` is for administrators: everything that anybody changed. */
export const notificationTopics = ['failed', 'live', 'rolled-back', 'paused', 'audit'] as const
export type NotificationTopic = (typeof notificationTopics)[number]

/** `webhook`: JSON, signed as Standard Webhooks say. `slack`: the format of its incoming webhooks, which others take, too. */
export type SinkKind = 'webhook' | 'slack'

/** Where notifications go. Its address and its signing secret are encrypted: of the address only the host is shown. */
export interface Sink {
  id: string
  /** null: the administrators'. */
  ownerId: string | null
  kind: SinkKind
  host: string
  topics: NotificationTopic[]
  createdBy: string
  createdAt: number
}

export interface StoredSink extends Sink {
  ciphertext: string
  /** The key that it is encrypted with. */
  keyId: string
}

/** One thing that happened, as it is told. */
export interface NotificationMessage {
  /** `build.failed`, `build.live`, `function.rolled-back`, `function.paused`, `audit`, `test` */
  type: string
  /** ISO 8601 */
  timestamp: string
  /** In one line, for people. */
  text: string
  data: Record<string, unknown>
}

/** `pending`: it is tried, again if need be. `dead`: it was tried for long enough. */
export type NotificationStatus = 'pending' | 'delivered' | 'dead'

/** One message on its way to one sink. */
export interface Notification {
  id: string
  sinkId: string
  message: NotificationMessage
  status: NotificationStatus
  attempts: number
  nextAttemptAt: number
  /** Why the last try failed. */
  reason: string | null
  createdAt: number
}
