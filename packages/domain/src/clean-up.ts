/** What a clean-up took away, and what it could not. */
export interface CleanUpReport {
  removed: Removed[]
  /** In words for the administrator. The next clean-up tries again. */
  problems: string[]
}

export interface Removed {
  /** `build logs`, `images in the registry`, … */
  what: string
  count: number
  /** null where that is not known. */
  bytes: number | null
}

/** Reports of several parts as one; what nothing was removed of is left out. */
export function joinReports(reports: CleanUpReport[]): CleanUpReport {
  return {
    removed: reports.flatMap(({ removed }) => removed).filter(({ count, bytes }) => count > 0 || (bytes ?? 0) > 0),
    problems: reports.flatMap(({ problems }) => problems)
  }
}

/**
 * Does one part after the other. One that fails leaves a problem in the report and keeps none of the others;
 * only an aborted signal ends it all.
 */
export async function cleanUpAll(
  parts: Record<string, () => Promise<{ count: number; bytes?: number }>>,
  signal: AbortSignal
): Promise<CleanUpReport & { failures: unknown[] }> {
  const removed: Removed[] = []
  const problems: string[] = []
  const failures: unknown[] = []
  for (const [what, part] of Object.entries(parts)) {
    signal.throwIfAborted()
    try {
      const { count, bytes } = await part()
      removed.push({ what, count, bytes: bytes ?? null })
    } catch (err) {
      signal.throwIfAborted()
      failures.push(err)
      problems.push(`${what}: ${err instanceof Error ? err.message : String(err)}`)
    }
  }
  return { removed, problems, failures }
}
