import { Failure, type LogChunk, type Logs } from '@slipway/domain'
import type { Database } from './database.ts'

/** Rows per insert and per read: far below the 32,766 parameters that a statement may have on SQLite. */
const batch = 500

export function createLogs(database: Database): Logs {
  return {
    append: (buildId, chunks) =>
      database.write(async (tx) => {
        if (chunks.length === 0) return
        // Taking the numbers holds the build's row: another writer's chunks come wholly before or wholly after these.
        const build = await tx
          .updateTable('builds')
          .set((eb) => ({ last_log_seq: eb('last_log_seq', '+', chunks.length) }))
          .where('id', '=', buildId)
          .returning('last_log_seq')
          .executeTakeFirst()
        if (build === undefined) throw new Failure('not-found', `there is no build ${buildId}`)
        const first = build.last_log_seq - chunks.length + 1
        const rows = chunks.map((chunk, index) => ({
          build_id: buildId,
          seq: first + index,
          at: chunk.at,
          step: chunk.step,
          function_name: chunk.functionName,
          stream: chunk.stream,
          text: chunk.text
        }))
        for (let start = 0; start < rows.length; start += batch) {
          await tx
            .insertInto('log_chunks')
            .values(rows.slice(start, start + batch))
            .execute()
        }
      }),
    read: (buildId, afterSeq, limit) =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom('log_chunks')
          .selectAll()
          .where('build_id', '=', buildId)
          .where('seq', '>', afterSeq)
          .orderBy('seq')
          .limit(limit)
          .execute()
        return rows.map(
          (row): LogChunk => ({
            seq: row.seq,
            at: row.at,
            step: row.step,
            functionName: row.function_name,
            stream: row.stream,
            text: row.text
          })
        )
      }),
    tail: (buildId, functionName, limit) =>
      database.read(async (db) => {
        const texts: string[] = []
        let length = 0
        let before = Number.MAX_SAFE_INTEGER
        while (length <= limit) {
          let query = db
            .selectFrom('log_chunks')
            .select(['seq', 'text'])
            .where('build_id', '=', buildId)
            .where('seq', '<', before)
            .orderBy('seq', 'desc')
            .limit(batch)
          if (functionName !== null) query = query.where('function_name', '=', functionName)
          const rows = await query.execute()
          for (const { seq, text } of rows) {
            texts.push(text)
            length += text.length + 1
            before = seq
          }
          if (rows.length < batch) break
        }
        return lastLines(texts.toReversed().join('\n'), limit)
      })
  }
}

/** The whole lines at the end of a text that fit; of a last line that does not fit alone, its end. */
function lastLines(text: string, limit: number): string {
  if (text.length <= limit) return text
  const start = text.length - limit
  const lineFeed = text.indexOf('\n', start - 1)
  if (lineFeed !== -1 && lineFeed + 1 < text.length) return text.slice(lineFeed + 1)
  return text.slice(start).toWellFormed()
}
