/**
 * Answers that are kept with their `ETag`, so that asking again costs next to nothing: the forge says 304, and GitHub does not
 * count it. At most `limit` of them; the one that was longest not asked for goes first.
 */
export interface KeptAnswers {
  /** Headers that make a call conditional; none when nothing is kept. */
  condition(key: string): Record<string, string>
  keep(key: string, etag: string | null | undefined, answer: unknown): void
  /** What a 304 stands for. */
  answer(key: string): unknown
}

export function createKeptAnswers(limit = 20_000): KeptAnswers {
  const kept = new Map<string, { etag: string; answer: unknown }>()
  return {
    condition(key) {
      const etag = kept.get(key)?.etag
      const headers: Record<string, string> = {}
      if (etag !== undefined) headers['if-none-match'] = etag
      return headers
    },
    keep(key, etag, answer) {
      kept.delete(key)
      if (etag === null || etag === undefined || etag === '') return
      kept.set(key, { etag, answer })
      const [oldest] = kept.keys()
      if (kept.size > limit && oldest !== undefined) kept.delete(oldest)
    },
    answer(key) {
      const known = kept.get(key)
      if (known === undefined) return undefined
      kept.delete(key)
      kept.set(key, known)
      return known.answer
    }
  }
}
