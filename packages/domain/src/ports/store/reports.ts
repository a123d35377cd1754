import type { Build, BuildStatus } from '../../build.ts'

/** What was last sent to a forge about one commit and context. */
export interface SentStatus {
  context: string
  state: BuildStatus
  description: string
  externalId: string | null
}

/** Commit statuses are derived from builds; here stands only what still has to be told and what was told. */
export interface Reports {
  /**
   * Builds that changed since they were last told, are due, and are the newest build of their commit; their repository's owner is known.
   * Older builds of the same commit are marked told, for the newer one speaks.
   */
  due(now: number, limit: number): Promise<{ build: Build; version: number; attempt: number }[]>
  sent(repositoryId: string, commit: string): Promise<SentStatus[]>
  saveSent(repositoryId: string, commit: string, status: SentStatus): Promise<void>
  /** Everything up to `version` was told. */
  done(buildId: string, version: number): Promise<void>
  retryLater(buildId: string, nextReportAt: number): Promise<void>
}
