import { sql } from 'kysely'

/*
 * Moments are written by whoever acts and compared by whoever looks, and a clock may be set back in between. What would then lie
 * further ahead than anything is ever put is taken as over: waiting for the clock to come there again could take for ever.
 */

/** No worker holds a build, no leader leads, for so long without renewing it. */
const longestLeaseMs = 10 * 60_000
/** Nothing waits longer than this before it is tried again. */
const longestWaitMs = 2 * 3600_000

export function isLeased(until: number | null, now: number): boolean {
  return until !== null && until > now && until <= now + longestLeaseMs
}

/** @param column of a lease's end, as `table.column`; null counts as over. */
export function isLeaseOver(column: string, now: number) {
  const until = sql.ref(column)
  return sql<boolean>`(${until} is null or ${until} <= ${now} or ${until} > ${now + longestLeaseMs})`
}

export function isDue(at: number | null, now: number): boolean {
  return at === null || at <= now || at > now + longestWaitMs
}

/** @param column of when something is to be tried (again); null counts as due. */
export function isColumnDue(column: string, now: number) {
  const at = sql.ref(column)
  return sql<boolean>`(${at} is null or ${at} <= ${now} or ${at} > ${now + longestWaitMs})`
}
