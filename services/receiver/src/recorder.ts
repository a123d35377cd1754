import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { type Deliveries, Failure, type FailureCode, type RecordedDelivery } from '@slipway/domain'
import type { StoreConfig } from '@slipway/store'

/** The part of the store that a receiver needs. */
export interface Recorder {
  deliveries: Pick<Deliveries, 'record'>
  ping(): Promise<void>
  close(): Promise<void>
}

/** What is asked of the thread. Answers come in the order of the questions or not. */
export interface Question {
  id: number
  ask: 'ping' | 'close' | { record: Parameters<Deliveries['record']> }
}

export type Answer =
  | { id: number; isDone: true; result: RecordedDelivery[] | null | void }
  | {
      id: number
      isDone: false
      failure: { code: FailureCode; message: string } | null
      /** Of what is no Failure: a bug. */
      stack: string | null
    }

/**
 * Opens the store on a thread. SQLite syncs to disk while everything else of its thread waits: here that is nothing,
 * and the process goes on reading and verifying what comes next. A thread that dies ends the process.
 *
 * @throws Failure as `createStore` does.
 */
export async function startRecorder(config: StoreConfig): Promise<Recorder> {
  const thread = new Worker(new URL('./recorder-thread.ts', import.meta.url), { workerData: config })
  const ended = once(thread, 'exit')
  const waiting = new Map<number, PromiseWithResolvers<RecordedDelivery[]>>()
  let lastId = 0

  thread.on('message', (answer: Answer) => {
    const question = waiting.get(answer.id)
    waiting.delete(answer.id)
    if (answer.isDone) question?.resolve(answer.result ?? [])
    else question?.reject(errorOf(answer))
  })

  function expect(id: number): Promise<RecordedDelivery[]> {
    const question = Promise.withResolvers<RecordedDelivery[]>()
    waiting.set(id, question)
    return question.promise
  }

  function send(ask: Question['ask']): Promise<RecordedDelivery[]> {
    lastId += 1
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    thread.postMessage({ id: lastId, ask } satisfies Question)
    return expect(lastId)
  }

  await expect(0)
  return {
    deliveries: { record: (...record) => send({ record }) },
    async ping() {
      await send('ping')
    },
    async close() {
      await Promise.race([send('close'), ended])
      await thread.terminate()
    }
  }
}

function errorOf({ failure, stack }: Answer & { isDone: false }): Error {
  if (failure !== null) return new Failure(failure.code, failure.message)
  const bug = new Error("a bug in the recorder's thread")
  bug.stack = stack ?? bug.message
  return bug
}
