import { type Deliveries, Failure, type ReceivedDelivery, type RecordedDelivery } from '@slipway/domain'

type NewDelivery = Parameters<Deliveries['record']>[0][number]

interface Waiting {
  delivery: NewDelivery
  resolve(recorded: RecordedDelivery): void
  reject(err: unknown): void
}

/** Records deliveries that arrive together in one transaction: one sync to disk for many requests. */
export interface GroupCommit {
  /** Resolves once the delivery is durable. @throws Failure `unavailable` when nothing could be recorded in time, or too many wait. */
  record(forgeId: string, delivery: ReceivedDelivery): Promise<RecordedDelivery>
}

export interface GroupCommitOptions {
  /** At most so many in one transaction. */
  batchLimit: number
  /** At most so many wait. Those among them whose forge has its answer already are recorded all the same: few forges deliver again. */
  waitingLimit: number
  /** A forge must get its answer: by then it is "could not be recorded", whatever becomes of the transaction. */
  timeoutMs: number
  /** Something was recorded that somebody else should look at: each outcome once, however many deliveries had it. */
  notify(outcomes: Set<RecordedDelivery['outcome']>): void
}

/** A sync to disk takes about as long: waiting for company longer than that saves nothing. */
const gatherMs = 4

export function createGroupCommit(
  write: (batch: NewDelivery[]) => Promise<RecordedDelivery[]>,
  { batchLimit, waitingLimit, timeoutMs, notify }: GroupCommitOptions
): GroupCommit {
  let waiting: Waiting[] = []
  let isBusy = false

  function unavailable(why: string): Failure {
    return new Failure('unavailable', `${why}: deliver it again`, { retryAfterMs: 5000 })
  }

  async function writeBatch(batch: Waiting[]): Promise<void> {
    try {
      const recorded = await write(batch.map(({ delivery }) => delivery))
      notify(new Set(recorded.map(({ outcome }) => outcome)))
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
    const batch = waiting.slice(0, batchLimit)
    waiting = waiting.slice(batchLimit)
    await writeBatch(batch)
    isBusy = waiting.length > 0
    if (isBusy) gather(0, performance.now())
  }

  /** As long as each turn of the event loop brings more of them, they go into one transaction. */
  function gather(known: number, since: number): void {
    setImmediate(() => {
      const isGrowing = waiting.length > known && waiting.length < batchLimit
      if (isGrowing && performance.now() - since < gatherMs) gather(waiting.length, since)
      else void flush()
    })
  }

  return {
    record: (forgeId, delivery) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= waitingLimit) throw unavailable('too many deliveries wait for the store')
        const timer = setTimeout(() => reject(unavailable('the store does not answer')), timeoutMs)
        const settle =
          <T>(done: (value: T) => void) =>
          (value: T) => {
            clearTimeout(timer)
            done(value)
          }
        waiting.push({ delivery: { forgeId, delivery }, resolve: settle(resolve), reject: settle(reject) })
        if (isBusy) return
        isBusy = true
        gather(0, performance.now())
      })
  }
}
