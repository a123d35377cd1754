import type { LogChunk } from '../../log.ts'

export interface Logs {
  /** Appends chunks in order and numbers them. Several processes may write to one build, one after the other. */
  append(buildId: string, chunks: Omit<LogChunk, 'seq'>[]): Promise<void>
  /** Chunks after `afterSeq`, oldest first. */
  read(buildId: string, afterSeq: number, limit: number): Promise<LogChunk[]>
  /** The last lines of one function (or of everything), as text of at most `limit` characters. */
  tail(buildId: string, functionName: string | null, limit: number): Promise<string>
}
