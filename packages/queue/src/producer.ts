import { Failure } from '@slipway/domain'
import { Queue } from 'bullmq'
import { connect, failFast, type QueueConfig } from './connection.ts'
import type { JobName, JobPayload } from './jobs.ts'

export interface Producer<N extends JobName> {
  /**
   * Puts a job on the queue. The same id twice, while the first is in flight, is one job.
   *
   * @param id letters, digits and `-`; never only digits, never with `:` (BullMQ refuses both).
   * @throws Failure `unavailable` at once when Redis is away.
   */
  enqueue(id: string, payload: JobPayload<N>): Promise<void>
  close(): Promise<void>
}

export function createProducer<N extends JobName>(
  name: N,
  config: QueueConfig,
  onError: (err: Error) => void
): Producer<N> {
  const connection = connect(config, failFast, onError)
  const queue = new Queue(name, {
    connection,
    prefix: config.prefix,
    // A queue whose first question failed, because Redis went away just then, would never be one again.
    skipVersionCheck: true,
    // A finished job that is kept would go on blocking its id.
    defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true }
  })
  queue.on('error', onError)
  return {
    async enqueue(id, payload) {
      try {
        if (connection.status !== 'ready') throw new Error(`the connection is ${connection.status}`)
        await queue.add(name, payload, { jobId: id })
      } catch (err) {
        throw new Failure('unavailable', `could not queue the ${name} job: Redis does not answer; it is tried again`, {
          cause: err
        })
      }
    },
    async close() {
      await queue.close().catch(onError)
      connection.disconnect()
    }
  }
}
