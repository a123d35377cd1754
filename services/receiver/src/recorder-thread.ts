/** What runs in the recorder's thread: a store of its own, and one answer for each question. */
import { parentPort, workerData } from 'node:worker_threads'
import { Failure } from '@slipway/domain'
import { createStore, type StoreConfig } from '@slipway/store'
import type { Answer, Question } from './recorder.ts'

const port = parentPort
if (port === null) throw new Error('this is started as a thread by recorder.ts')

function describe(err: unknown): Pick<Answer & { isDone: false }, 'failure' | 'stack'> {
  if (err instanceof Failure) return { failure: { code: err.code, message: err.message }, stack: null }
  return { failure: null, stack: err instanceof Error ? (err.stack ?? err.message) : String(err) }
}

async function open() {
  try {
    const store = await createStore(workerData as StoreConfig)
    port?.postMessage({ id: 0, isDone: true, result: null } satisfies Answer)
    return store
  } catch (err) {
    port?.postMessage({ id: 0, isDone: false, ...describe(err) } satisfies Answer)
    return null
  }
}

const store = await open()
if (store !== null) {
  port.on('message', async ({ id, ask }: Question) => {
    try {
      if (ask === 'close') {
        await store.close()
        port.close()
      } else {
        const result = ask === 'ping' ? await store.ping() : await store.deliveries.record(...ask.record)
        port.postMessage({ id, isDone: true, result } satisfies Answer)
      }
    } catch (err) {
      port.postMessage({ id, isDone: false, ...describe(err) } satisfies Answer)
    }
  })
}
