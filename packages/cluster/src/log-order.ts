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

/**
 * Merges logs as they come. Of each one line is asked for at a time.
 *
 * @param more logs that begin later; over when no other can begin.
 */
export async function* asTheyCome(
  logs: AsyncGenerator<StampedLine>[],
  more: AsyncGenerator<AsyncGenerator<StampedLine>> | null = null
): AsyncGenerator<StampedLine> {
  const arrived: (() => StampedLine | null)[] = []
  let asked = 0
  let wake: () => void = () => undefined

  function ask<T>(source: AsyncGenerator<T>, take: (value: T) => StampedLine | null): void {
    asked++
    const arrive = (look: () => StampedLine | null) => {
      asked--
      arrived.push(look)
      wake()
    }
    source.next().then(
      ({ done, value }) =>
        arrive(() => {
          if (done === true) return null
          ask(source, take)
          return take(value)
        }),
      (err: unknown) =>
        arrive(() => {
          throw err
        })
    )
  }
  const join = (log: AsyncGenerator<StampedLine>) => ask(log, (line) => line)

  for (const log of logs) join(log)
  if (more !== null) {
    ask(more, (log) => {
      join(log)
      return null
    })
  }
  while (asked > 0 || arrived.length > 0) {
    const line = arrived.shift()?.() ?? null
    if (line !== null) yield line
    // One promise for each wait: those of a race would be held by the log that is silent for days.
    else if (arrived.length === 0 && asked > 0) await new Promise<void>((resolve) => (wake = resolve))
  }
}

function stampOf(next: IteratorResult<StampedLine>): string {
  return next.done === true ? '' : next.value.stamp
}

/**
 * What several replicas printed, as a port tells it: by time, or followed as it comes. Ends without an error with the signal.
 *
 * @param later of a followed one: the logs that begin while it is told.
 */
export async function* mergedLogs(
  open: (signal: AbortSignal) => Promise<AsyncGenerator<StampedLine>[]>,
  isFollowed: boolean,
  signal: AbortSignal,
  later?: (signal: AbortSignal) => AsyncGenerator<AsyncGenerator<StampedLine>>
): AsyncGenerator<RuntimeLogLine> {
  const over = new AbortController()
  try {
    const both = AbortSignal.any([signal, over.signal])
    const logs = await open(both)
    const merged = isFollowed ? asTheyCome(logs, later?.(both)) : inTimeOrder(logs)
    for await (const { stamp: _, ...line } of merged) yield line
  } catch (err) {
    if (!signal.aborted) throw err
  } finally {
    over.abort()
  }
}
