import { Worker } from 'bullmq'
import Value from 'typebox/value'
import { connect, patient, type QueueConfig } from './connection.ts'
import { type JobName, type JobPayload, jobs } from './jobs.ts'
import { stopWorker } from './worker-stop.ts'

/** Does one job. Must end soon after the signal aborts, having given the work back. May run twice. */
export type Handle<N extends JobName> = (payload: JobPayload<N>, signal: AbortSignal) => Promise<void>

export interface ConsumerOptions {
  /** How many jobs at a time. */
  concurrency: number
  /** How long running jobs may go on after `close` before they are aborted. */
  graceMs: number
  /** A connection error, or a job whose handler threw: the handler is expected to have dealt with its failures. */
  onError(err: Error): void
}

export interface Consumer {
  /** Stops in two stages: takes no new job, and after the grace period aborts the running ones, which give their work back. */
  close(): Promise<void>
}

export function createConsumer<N extends JobName>(
  name: N,
  config: QueueConfig,
  handle: Handle<N>,
  { concurrency, graceMs, onError }: ConsumerOptions
): Consumer {
  const connection = connect(config, patient, onError)
  const stop = new AbortController()
  const worker = new Worker(
    name,
    async ({ data }: { data: unknown }) => {
      if (!Value.Check(jobs[name], data)) throw new Error(`a ${name} job has an invalid payload`)
      await handle(data, stop.signal)
    },
    {
      connection,
      prefix: config.prefix,
      concurrency,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      // The store's lease decides who works on a build and when it is taken up again: a stalled job is only dropped.
      maxStalledCount: 0,
      lockDuration: 30_000,
      stalledInterval: 30_000
    }
  )
  worker.on('error', onError)
  worker.on('failed', (_job, err) => onError(err))
  return {
    close: () => stopWorker({ worker, connection, stop }, graceMs)
  }
}
