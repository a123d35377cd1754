import { setTimeout as sleep } from 'node:timers/promises'

/** Rows that one transaction removes: more would hold everybody else up, on SQLite even those that only read. */
export const batchLimit = 1000

/** What others get between two batches. */
const pauseMs = 10

export interface Sweep<R extends { id: string }> {
  /** The next `batchLimit` rows in the order of their ids, which is that of time. */
  read(after: string): Promise<R[]>
  isOld(row: R): boolean | Promise<boolean>
  /** What follows is younger still: the end. */
  isLast(row: R): boolean
  /** Returns how many went. */
  remove(rows: R[]): Promise<number>
}

/** Removes what is old, page by page. */
export async function sweep<R extends { id: string }>(
  { read, isOld, isLast, remove }: Sweep<R>,
  signal: AbortSignal
): Promise<number> {
  let removed = 0
  for (let after = ''; ; ) {
    signal.throwIfAborted()
    const rows = await read(after)
    const last = rows.at(-1)
    if (last === undefined) return removed
    const old: R[] = []
    for (const row of rows) if (await isOld(row)) old.push(row)
    if (old.length > 0) removed += await remove(old)
    if (rows.length < batchLimit || isLast(last)) return removed
    after = last.id
    await pause()
  }
}

export async function pause(): Promise<void> {
  await sleep(pauseMs)
}
