import type { Build } from '../../build.ts'
import type { Notification, NotificationMessage, Sink, StoredSink } from '../../notification.ts'
import type { AuditEntry } from './audit.ts'

/** A build that ended, with the names that people know. */
export interface EndedBuild extends Build {
  ownerSlug: string
  repositoryName: string
}

/** Where people want to be told, what, and whether they were. */
export interface Notifications {
  /** @throws Failure `limit-exceeded` for too many of one owner */
  addSink(sink: StoredSink): Promise<void>
  /** null: the administrators'. Oldest first. */
  sinks(ownerId: string | null): Promise<Sink[]>
  /** Of everybody, with what is encrypted. */
  allSinks(): Promise<StoredSink[]>
  /** With what was still to be told there. @throws Failure `not-found` */
  removeSink(ownerId: string | null, id: string): Promise<Sink>
  /** The same address under another key. */
  reencrypt(id: string, before: string, after: { ciphertext: string; keyId: string }): Promise<void>

  /**
   * Builds that went live or failed since then, and changes that people made, the first `limit` of each, oldest first.
   * `next`: since when there may be more; null: that was all.
   */
  happened(since: number, limit: number): Promise<{ builds: EndedBuild[]; changes: AuditEntry[]; next: number | null }>
  /** Each event once for a sink, however often it is said. Returns the ids of those that are new. */
  enqueue(wanted: { sinkId: string; eventId: string; message: NotificationMessage }[], now: number): Promise<string[]>
  /** Those whose turn it is, the longest waiting first. */
  due(now: number, limit: number): Promise<Notification[]>
  /** How a try ended. */
  settle(id: string, outcome: Pick<Notification, 'status' | 'attempts' | 'nextAttemptAt' | 'reason'>): Promise<void>
  get(id: string): Promise<Notification | null>
  /** Newest first. */
  list(sinkId: string, limit: number): Promise<Notification[]>
  /** Forgets up to 1,000 that ended and were made before. Returns how many. */
  forget(before: number): Promise<number>
}
