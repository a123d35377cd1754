import { Failure } from '@slipway/domain'
import { Queue } from 'bullmq'
import { createAsyncBacklog } from './async-backlog.ts'
import { type AsyncCall, asyncQueueName, deadLetterMs } from './async-calls.ts'
import { connect, failFast, type QueueConfig } from './connection.ts'

/** A call that was given up, without what it carries. */
export interface GivenUpCall {
  functionKey: string
  id: string
  callId: string
  method: string
  /** Without its query. */
  path: string
  bodyBytes: number
  attempts: number
  reason: string
  acceptedAt: number
  /** Epoch milliseconds; null: it is not known. */
  givenUpAt: number | null
}

export interface GivenUpCalls {
  /** Of these functions, `<owner's id>/<function>`, the newest of each first. @throws Failure `unavailable` */
  list(functionKeys: string[], limit: number): Promise<GivenUpCall[]>
  /** It waits again, as if it had just been left. @throws Failure `not-found`, `unavailable` */
  retry(functionKey: string, id: string): Promise<void>
  /** @throws Failure `not-found`, `unavailable` */
  drop(functionKey: string, id: string): Promise<void>
  close(): Promise<void>
}

export function createGivenUpCalls(config: QueueConfig, onError: (err: Error) => void): GivenUpCalls {
  const connection = connect(config, failFast, onError)
  const backlog = createAsyncBacklog(config, onError)

  /** One connection for all; a queue itself holds nothing. */
  async function at<T>(functionKey: string, work: (queue: Queue<AsyncCall>) => Promise<T>): Promise<T> {
    const options = { connection, prefix: config.prefix, skipVersionCheck: true, skipMetasUpdate: true }
    try {
      if (connection.status !== 'ready') throw new Error(`the connection is ${connection.status}`)
      const queue = new Queue<AsyncCall>(asyncQueueName(functionKey), options)
      queue.on('error', onError)
      try {
        return await work(queue)
      } finally {
        await queue.close()
      }
    } catch (err) {
      if (err instanceof Failure) throw err
      throw new Failure('unavailable', 'Redis does not answer: try again soon', { cause: err, retryAfterMs: 1000 })
    }
  }

  async function jobOf(queue: Queue<AsyncCall>, id: string) {
    const job = await queue.getJob(id)
    if (job === undefined || !(await job.isFailed())) {
      throw new Failure('not-found', `there is no call ${JSON.stringify(id.slice(0, 100))} that was given up`)
    }
    return job
  }

  return {
    async list(functionKeys, limit) {
      const all: GivenUpCall[] = []
      for (const functionKey of functionKeys) {
        const found = await at(functionKey, async (queue) => {
          if ((await queue.getFailedCount()) === 0) return []
          // BullMQ looks at their age only when another one joins them.
          await queue.clean(deadLetterMs, 1000, 'failed')
          return queue.getFailed(0, limit - 1)
        })
        for (const { id = '', data, attemptsMade, failedReason, finishedOn } of found) {
          all.push({
            functionKey,
            id,
            callId: data.callId,
            method: data.method,
            path: data.target.split('?', 1)[0] ?? '/',
            bodyBytes: Buffer.byteLength(data.body, 'base64'),
            attempts: attemptsMade,
            reason: failedReason ?? '',
            acceptedAt: data.acceptedAt,
            givenUpAt: finishedOn ?? null
          })
        }
      }
      return all
    },
    retry: (functionKey, id) =>
      at(functionKey, async (queue) => {
        const job = await jobOf(queue, id)
        // First, so that somebody looks after it.
        await backlog.add(functionKey)
        await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true })
      }),
    drop: (functionKey, id) => at(functionKey, async (queue) => (await jobOf(queue, id)).remove()),
    async close() {
      backlog.close()
      connection.disconnect()
    }
  }
}
