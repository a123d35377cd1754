import type { ForgeEvent } from '../../forge.ts'
import type { Whose } from '../../rights.ts'
import type { ReceivedDelivery } from '../forge.ts'
import type { Page } from './page.ts'

export type DeliveryOutcome = 'queued' | 'skipped' | 'ignored' | 'duplicate' | 'accepted' | 'applied' | 'failed'

export interface DeliveryRecord {
  id: string
  forgeId: string
  deliveryId: string | null
  eventName: string
  repositoryId: string | null
  ref: string | null
  commit: string | null
  /** `accepted`: an event other than a push, still to be applied by `deployer`; `applied` or `failed` afterwards. */
  outcome: DeliveryOutcome
  reason: string | null
  buildId: string | null
  receivedAt: number
}

export interface RecordedDelivery {
  outcome: DeliveryOutcome
  reason: string | null
  buildId: string | null
}

export interface Deliveries {
  /**
   * Records deliveries, in order, in one transaction with the builds that they queue (group commit: many requests, one sync to disk).
   * Unique by (forge, delivery id): a known one changes nothing and returns what was recorded the first time, as outcome `duplicate`.
   * A push makes or updates its repository (and its owner, where the payload carries the owner's numeric id), is decided by
   * `decidePush`, and makes a build (`queued`, or `skipped` so that the skip is visible; of a suspended owner a `cancelled` one that
   * says why); of an owner that is not on the allow list nothing but the delivery is kept. A build of the same repository, ref,
   * commit and `before` that still waits is used instead of a second one. Events other than pushes are kept as `accepted`.
   */
  record(
    deliveries: { forgeId: string; delivery: ReceivedDelivery }[],
    installationBranch: string | null,
    now: number
  ): Promise<RecordedDelivery[]>
  /** Events to be applied: outcome `accepted` and due, oldest first. */
  due(now: number, limit: number): Promise<{ id: string; forgeId: string; event: ForgeEvent; attempt: number }[]>
  /** Ends an event: `applied`, `failed`, or (with `nextAttemptAt`) to be tried again. */
  settle(
    id: string,
    result: { outcome: 'applied' | 'failed' | 'retry'; reason: string | null; nextAttemptAt: number | null }
  ): Promise<void>
  /** Of these delivery ids those that were recorded. */
  known(forgeId: string, deliveryIds: string[]): Promise<string[]>
  /** The one of a forge, or of one of its repositories, that came last; null before the first. */
  newest(forgeId: string, repositoryId?: string): Promise<DeliveryRecord | null>
  list(whose: Whose, page: Page, filter?: { repositoryId?: string }): Promise<DeliveryRecord[]>
}
