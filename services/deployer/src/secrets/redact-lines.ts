import { type RuntimeLogLine, runtimeLineLimit } from '@slipway/domain'
import type { Redactor } from '@slipway/secrets'

/** What functions print, without their owner's secrets, also where a line was too long and comes in pieces. */
export async function* redactLines(
  lines: AsyncIterable<RuntimeLogLine>,
  { redactPiece }: Pick<Redactor, 'redactPiece'>
): AsyncGenerator<RuntimeLogLine> {
  /** Replicas and streams whose last line goes on. */
  const unfinished = new Set<string>()
  for await (const line of lines) {
    const source = `${line.instance} ${line.stream}`
    const start = unfinished.has(source)
    const end = line.text.length >= runtimeLineLimit
    if (end) unfinished.add(source)
    else unfinished.delete(source)
    yield { ...line, text: redactPiece(line.text, { start, end }) }
  }
}
