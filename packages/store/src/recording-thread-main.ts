/** The thread of recording-thread.ts: has one connection, and does one transaction after the other. */
import { parentPort, workerData } from 'node:worker_threads'
import { Failure } from '@slipway/domain'
import { Kysely } from 'kysely'
import { createDatabase } from './database.ts'
import { createDeliveries } from './deliveries.ts'
import { endOfRecording, type RecordingAnswer, type RecordingOrder, ready } from './recording-thread.ts'
import type { Schema } from './schema.ts'
import { createSqliteDialect } from './sqlite-dialect.ts'

if (parentPort === null) throw new Error('this is the main module of a thread')
const port = parentPort
const { file } = workerData as { file: string }
const db = new Kysely<Schema>({ dialect: createSqliteDialect(file) })
const { record } = createDeliveries(createDatabase(db))

async function answerTo({ id, deliveries, installationBranch, now }: RecordingOrder): Promise<RecordingAnswer> {
  try {
    return { id, recorded: await record(deliveries, installationBranch, now) }
  } catch (err) {
    if (!(err instanceof Failure)) return { id, error: err }
    const { code, message, retryAfterMs, cause } = err
    return { id, failure: { code, message, retryAfterMs, cause } }
  }
}

async function handle(order: RecordingOrder | typeof endOfRecording): Promise<void> {
  if (order !== endOfRecording) return port.postMessage(await answerTo(order))
  await db.destroy()
  port.close()
}

let inFlight = Promise.resolve()
port.on('message', (order: RecordingOrder | typeof endOfRecording) => {
  inFlight = inFlight.then(() => handle(order))
})
port.postMessage(ready)
