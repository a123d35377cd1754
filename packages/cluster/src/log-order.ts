import type { RuntimeLogLine } from '@slipway/domain'

/** One line of a replica. `stamp` is the cluster's own time of it, to the nanosecond, in a form that sorts as text. */
export interface StampedLine extends RuntimeLogLine {
  stamp: string
}

/** Merges logs in the order of their time. Each of them is in order already. */
export async function* inTimeOrder(logs: AsyncGenerator<StampedLine>[]): AsyncGenerator<StampedLine> {
  const heads = await Promise.all(logs.map(async (log) => ({ log, next: await log.next() })))
  for (;;) {
    const [first, ...others] = heads.filter((head) => head.next.done !== true)
    if (first === undefined) return
    const earliest = others.reduce((best, head) => (stampOf(head.next) < stampOf(best.next) ? head : best), first)
    if (earliest.next.done !== true) yield earliest.next.value
    earliest.next = await earliest.log.next()
  }
}

/** Merges logs as they come. */
export async function* asTheyCome(logs: AsyncGenerator<StampedLine>[]): AsyncGenerator<StampedLine> {
  const waiting = new Map(logs.map((log) => [log, headOf(log)]))
  try {
    while (waiting.size > 0) {
      const { log, next } = await Promise.race(waiting.values())
      if (next.done === true) {
        waiting.delete(log)
      } else {
        waiting.set(log, headOf(log))
        yield next.value
      }
    }
  } finally {
    for (const head of waiting.values()) head.catch(() => null) // nobody is left to be told
  }
}

async function headOf(log: AsyncGenerator<StampedLine>) {
  return { log, next: await log.next() }
}

function stampOf(next: IteratorResult<StampedLine>): string {
  return next.done === true ? '' : next.value.stamp
}

/** What several replicas printed, as a port tells it: by time, or followed as it comes. Ends without an error with the signal. */
export async function* mergedLogs(
  open: (signal: AbortSignal) => Promise<AsyncGenerator<StampedLine>[]>,
  isFollowed: boolean,
  signal: AbortSignal
): AsyncGenerator<RuntimeLogLine> {
  const over = new AbortController()
  try {
    const logs = await open(AbortSignal.any([signal, over.signal]))
    for await (const { stamp: _, ...line } of isFollowed ? asTheyCome(logs) : inTimeOrder(logs)) yield line
  } catch (err) {
    if (!signal.aborted) throw err
  } finally {
    over.abort()
  }
}
