import { once } from 'node:events'
import { Failure } from '@slipway/domain/failure'
import { DelayedError, Queue, UnrecoverableError, Worker } from 'bullmq'
import { connect, failFast, patient, type QueueConfig } from './connection.ts'
import { stopWorker } from './worker-stop.ts'

/** A call that somebody left here: everything that is needed to make it, and nothing of who may. */
export interface AsyncCall {
  callId: string
  /** Of the function: it is looked up by them each time that it is tried. */
  ownerSlug: string
  functionName: string
  method: string
  /** Path and query for the function. */
  target: string
  /** Name, value, name, value. */
  headers: string[]
  /** Base64. */
  body: string
  callbackUrl: string | null
  /** Epoch milliseconds. */
  acceptedAt: number
}

/** `retry`: once more after `waitMs`. `dead`: never again, and it is kept for who looks for it. */
export type AsyncOutcome =
  | { kind: 'done' }
  | { kind: 'retry'; waitMs: number; reason: string }
  | { kind: 'dead'; reason: string }

/** Makes one try. May be asked twice for the same, as after a crash. Must end soon after the signal aborts; that counts as no try. */
export type MakeCall = (call: AsyncCall, attempt: number, signal: AbortSignal) => Promise<AsyncOutcome>

export interface AsyncCounts {
  waiting: number
  active: number
  /** They wait for another try. */
  delayed: number
  dead: number
}

export interface AsyncWorker {
  close(graceMs: number): Promise<void>
}

/** The calls of all functions, each function's in a queue of its own, so that none waits behind another's. */
export interface AsyncCalls {
  /**
   * Resolves when Redis has it.
   *
   * @param id one that is under way, was given up, or is among the last few that ended is not left again under the same id; by default
   * each is another
   * @throws Failure `unavailable`, `too-many-requests`
   */
  enqueue(functionKey: string, call: AsyncCall, id?: string): Promise<void>
  /** Does a call wait, is it being made, or will it be tried again? @throws Failure `unavailable` */
  isUnderWay(functionKey: string, id: string): Promise<boolean>
  counts(functionKey: string): Promise<AsyncCounts>
  /** Makes a function's calls, from now on and together with every other process that does. */
  work(functionKey: string, make: MakeCall): AsyncWorker
  close(): Promise<void>
}

export interface AsyncCallsOptions {
  /** Calls of one function that are made at a time, by all processes together. */
  concurrency: number
  /** Calls of one function that may wait. */
  waitingLimit: number
  onError(err: Error): void
}

const readyMs = 2000

/** A dead letter is kept for a week, and a thousand of each function. */
export const deadLetterMs = 7 * 24 * 3600_000
const kept = { age: deadLetterMs / 1000, count: 1000 }

/** Calls under ids of their own that are remembered after they were made: who left one and ended at once leaves it again a little later. */
const remembered = { count: 20 }

class LaterError extends Error {
  readonly waitMs: number
  constructor(reason: string, waitMs: number) {
    super(reason)
    this.waitMs = waitMs
  }
}

/** @throws Failure `unavailable` when Redis does not answer soon */
export async function openAsyncCalls(
  config: QueueConfig,
  { concurrency, waitingLimit, onError }: AsyncCallsOptions
): Promise<AsyncCalls> {
  const connection = connect(config, failFast, onError)
  try {
    await once(connection, 'ready', { signal: AbortSignal.timeout(readyMs) })
  } catch (err) {
    connection.disconnect()
    throw away('the call could not be recorded', err)
  }
  const queues = new Map<string, Queue<AsyncCall>>()

  /** Else the library would wait for as long as it takes. */
  function assertReady(): void {
    if (connection.status !== 'ready') throw new Error(`the connection is ${connection.status}`)
  }

  function queueOf(functionKey: string): Queue<AsyncCall> {
    const known = queues.get(functionKey)
    if (known !== undefined) return known
    const queue = new Queue<AsyncCall>(asyncQueueName(functionKey), {
      connection,
      prefix: config.prefix,
      skipVersionCheck: true,
      // The last word on tries is the worker's; one that is lost with its process is no try.
      defaultJobOptions: {
        attempts: 1000,
        backoff: { type: 'asked' },
        removeOnComplete: true,
        removeOnFail: kept
      }
    })
    queue.on('error', onError)
    queues.set(functionKey, queue)
    return queue
  }

  return {
    async enqueue(functionKey, call, id) {
      const queue = queueOf(functionKey)
      try {
        assertReady()
        // Also where more would be refused: it has its place.
        if (id !== undefined && (await queue.getJobState(id)) !== 'unknown') return
        const waiting = await queue.getJobCountByTypes('waiting', 'delayed')
        if (waiting >= waitingLimit) {
          throw new Failure(
            'too-many-requests',
            `${waitingLimit} calls of this function wait already: try again later`,
            {
              retryAfterMs: 10_000
            }
          )
        }
        await queue.add('call', call, id === undefined ? {} : { jobId: id, removeOnComplete: remembered })
      } catch (err) {
        if (err instanceof Failure) throw err
        throw away('the call could not be recorded', err)
      }
    },
    async isUnderWay(functionKey, id) {
      try {
        assertReady()
        const state = await queueOf(functionKey).getJobState(id)
        return state !== 'unknown' && state !== 'failed' && state !== 'completed'
      } catch (err) {
        throw away('nobody knows what became of the call', err)
      }
    },
    async counts(functionKey) {
      try {
        assertReady()
        const counts = await queueOf(functionKey).getJobCounts('waiting', 'active', 'delayed', 'failed')
        const { waiting = 0, active = 0, delayed = 0, failed = 0 } = counts
        return { waiting, active, delayed, dead: failed }
      } catch (err) {
        throw away('nobody knows how many calls wait', err)
      }
    },
    work(functionKey, make) {
      // All workers of all processes share the one number.
      queueOf(functionKey).setGlobalConcurrency(concurrency).catch(onError)
      return startWorker(asyncQueueName(functionKey), config, make, { concurrency, onError })
    },
    async close() {
      for (const queue of queues.values()) await queue.close().catch(onError)
      connection.disconnect()
    }
  }
}

function startWorker(
  name: string,
  config: QueueConfig,
  make: MakeCall,
  { concurrency, onError }: Pick<AsyncCallsOptions, 'concurrency' | 'onError'>
): AsyncWorker {
  const connection = connect(config, patient, onError)
  const stop = new AbortController()
  const worker = new Worker<AsyncCall>(
    name,
    async (job, token) => {
      try {
        const outcome = await make(job.data, job.attemptsMade + 1, stop.signal)
        if (outcome.kind === 'retry') throw new LaterError(outcome.reason, outcome.waitMs)
        if (outcome.kind === 'dead') throw new UnrecoverableError(outcome.reason)
      } catch (err) {
        if (!stop.signal.aborted) throw err
        // Given back: it was no try.
        await job.moveToDelayed(Date.now(), token)
        throw new DelayedError()
      }
    },
    {
      connection,
      prefix: config.prefix,
      concurrency,
      lockDuration: 15_000,
      stalledInterval: 5_000,
      // Processes may be killed as often as they like.
      maxStalledCount: 1000,
      settings: { backoffStrategy: (_made, _type, err) => (err instanceof LaterError ? err.waitMs : 5000) }
    }
  )
  worker.on('error', onError)
  return {
    close: (graceMs) => stopWorker({ worker, connection, stop }, graceMs)
  }
}

function away(what: string, cause: unknown): Failure {
  return new Failure('unavailable', `${what}: Redis does not answer`, { cause, retryAfterMs: 1000 })
}

/** BullMQ allows no `:` in it. */
export function asyncQueueName(functionKey: string): string {
  return `async.${functionKey.replace('/', '.')}`
}
