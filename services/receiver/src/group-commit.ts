import { type Deliveries, Failure, type ReceivedDelivery, type RecordedDelivery } from '@slipway/domain'

type NewDelivery = Parameters<Deliveries['record']>[0][number]

interface Waiting {
  delivery: NewDelivery
  resolve(recorded: RecordedDelivery): void
  reject(err: unknown): void
}

/** Records deliveries that arrive together in one transaction: one sync to disk for many requests. */
export interface GroupCommit {
  /** Resolves once the delivery is durable. @throws Failure `unavailable` when nothing could be recorded in time. */
  record(forgeId: string, delivery: ReceivedDelivery): Promise<RecordedDelivery>
}

export interface GroupCommitOptions {
  /** At most so many in one transaction. */
  batchLimit: number
  /** A forge must get its answer: by then it is "could not be recorded", whatever becomes of the transaction. */
  timeoutMs: number
}

export function createGroupCommit(
  write: (batch: NewDelivery[]) => Promise<RecordedDelivery[]>,
  { batchLimit, timeoutMs }: GroupCommitOptions
): GroupCommit {
  let waiting: Waiting[] = []
  let isFlushing = false

  async function writeBatch(batch: Waiting[]): Promise<void> {
    try {
      const recorded = await write(batch.map(({ delivery }) => delivery))
      batch.forEach((one, i) => {
        one.resolve(recorded[i] as RecordedDelivery)
      })
    } catch (err) {
      if (batch.length === 1 || (err instanceof Failure && err.code === 'unavailable')) {
        for (const one of batch) one.reject(err)
        return
      }
      // One of them cannot be recorded: the others must not suffer for it.
      for (const one of batch) await writeBatch([one])
    }
  }

  async function flush(): Promise<void> {
    isFlushing = true
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchLimit)
      waiting = waiting.slice(batchLimit)
      await writeBatch(batch)
    }
    isFlushing = false
  }

  return {
    record: (forgeId, delivery) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Failure('unavailable', 'the store does not answer: deliver it again', { retryAfterMs: 5000 }))
        }, timeoutMs)
        const settle =
          <T>(done: (value: T) => void) =>
          (value: T) => {
            clearTimeout(timer)
            done(value)
          }
        waiting.push({ delivery: { forgeId, delivery }, resolve: settle(resolve), reject: settle(reject) })
        // Whatever else arrives in this turn of the event loop goes into the same transaction.
        if (!isFlushing && waiting.length === 1) setImmediate(() => void flush())
      })
  }
}
