import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { type Deliveries, Failure, type FailureCode, type RecordedDelivery } from '@slipway/domain'

export interface RecordingOrder {
  id: number
  deliveries: Parameters<Deliveries['record']>[0]
  installationBranch: string | null
  now: number
}

/** A Failure loses its class between threads: told in parts. What is no Failure is a bug, and comes with its stack. */
export type RecordingAnswer = { id: number } & (
  | { recorded: RecordedDelivery[] }
  | { failure: { code: FailureCode; message: string; retryAfterMs: number | undefined; cause: unknown } }
  | { error: unknown }
)

/** What the thread says first. */
export const ready = 'ready'
/** What it is told last. */
export const endOfRecording = 'end'

export interface RecordingThread {
  /** See `Deliveries.record`. */
  record: Deliveries['record']
  close(): Promise<void>
}

const threadProgram = new URL('./recording-thread-main.ts', import.meta.url)

interface Waiting {
  resolve(recorded: RecordedDelivery[]): void
  reject(err: unknown): void
}

/**
 * Records deliveries in a SQLite file by a thread with a connection of its own: a burst of deliveries is work for two processors, and
 * while one transaction is written and synced, which stops its thread, the process reads and verifies the next ones.
 * A thread that ended is started again by the next call.
 *
 * @param program what the thread runs
 */
export async function createRecordingThread(file: string, program = threadProgram): Promise<RecordingThread> {
  const waiting = new Map<number, Waiting>()
  let worker: Worker | null = null
  let lastId = 0

  function ended(cause: unknown): void {
    worker = null
    const err = new Failure('unavailable', 'what records deliveries ended: it is started again', { cause })
    for (const one of waiting.values()) one.reject(err)
    waiting.clear()
  }

  function start(): Worker {
    const started = new Worker(program, { workerData: { file } })
    let cause: unknown = new Error('the thread ended')
    started.on('message', (answer: RecordingAnswer | typeof ready) => {
      if (answer === ready) return
      const one = waiting.get(answer.id)
      waiting.delete(answer.id)
      if ('recorded' in answer) one?.resolve(answer.recorded)
      else one?.reject('error' in answer ? answer.error : failureOf(answer.failure))
    })
    started.on('error', (err) => {
      cause = err
    })
    started.on('exit', () => ended(cause))
    return started
  }

  worker = start()
  // Its first word is that it is ready.
  await once(worker, 'message')
  return {
    record: (deliveries, installationBranch, now) =>
      new Promise((resolve, reject) => {
        worker ??= start()
        const id = ++lastId
        const order: RecordingOrder = { id, deliveries, installationBranch, now }
        worker.postMessage(order)
        waiting.set(id, { resolve, reject })
      }),
    async close() {
      const ending = worker
      if (ending === null) return
      await new Promise<void>((resolve) => {
        ending.once('exit', () => resolve())
        ending.postMessage(endOfRecording)
      })
    }
  }
}

function failureOf({ code, message, retryAfterMs, cause }: Extract<RecordingAnswer, { failure: object }>['failure']) {
  return new Failure(code, message, { cause, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
}
