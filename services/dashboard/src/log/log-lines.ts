import type { LogChunk } from '@slipway/client'
import { plainText } from './ansi.ts'

export interface LogLine {
  /** Counts from 1 within the log. */
  number: number
  at: number
  step: LogChunk['step']
  functionName: string | null
  stream: LogChunk['stream']
  text: string
}

/** The lines of more chunks after those that are known. Chunks that come twice, after a lost connection, count once. */
export function withChunks(
  known: { lines: LogLine[]; seq: number },
  chunks: readonly LogChunk[]
): { lines: LogLine[]; seq: number } {
  const lines = [...known.lines]
  let { seq } = known
  for (const chunk of chunks) {
    if (chunk.seq <= seq) continue
    seq = chunk.seq
    const { at, step, functionName, stream } = chunk
    for (const text of chunk.text.split('\n')) {
      lines.push({ number: lines.length + 1, at, step, functionName, stream, text })
    }
  }
  return { lines, seq }
}

export interface LogFilter {
  /** Part of a line, upper or lower case; empty: all. */
  search: string
  /** null: all. */
  functionName: string | null
}

export function matching(lines: readonly LogLine[], { search, functionName }: LogFilter): LogLine[] {
  const wanted = search.toLowerCase()
  return lines.filter(
    (line) =>
      (functionName === null || line.functionName === functionName || line.functionName === null) &&
      (wanted === '' || plainText(line.text).toLowerCase().includes(wanted))
  )
}
