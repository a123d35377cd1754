import { createHash } from 'node:crypto'
import { Failure } from '@slipway/domain'
import { type JobSchedulerTemplateOptions, Queue, Worker } from 'bullmq'
import { connect, failFast, patient, type QueueConfig } from './connection.ts'
import { stopWorker } from './worker-stop.ts'

/** A function that is due whenever one cron expression says so. */
export interface ScheduleEntry {
  ownerId: string
  functionName: string
  expression: string
  timezone: string
}

export interface Due extends ScheduleEntry {
  /** The moment that the expression says, epoch milliseconds: the same for all that are due then. */
  at: number
}

/** What is due when. One process is told of each moment, whoever of them has a worker; one that it fails at is told again. */
export interface ScheduleClock {
  /** Makes the entries those that are wanted: one that stays keeps the moment that it waits for. @throws Failure `unavailable` */
  keep(wanted: ScheduleEntry[]): Promise<{ added: number; removed: number }>
  /** Moments that went by while nobody worked are one, told late. */
  work(call: (due: Due) => Promise<void>): ScheduleWorker
  close(): Promise<void>
}

export interface ScheduleWorker {
  close(graceMs: number): Promise<void>
}

const queueName = 'schedules'

const oneDue: JobSchedulerTemplateOptions = {
  attempts: 5,
  backoff: { type: 'exponential', delay: 1000 },
  removeOnComplete: true,
  removeOnFail: true
}

export function openScheduleClock(config: QueueConfig, onError: (err: Error) => void): ScheduleClock {
  const connection = connect(config, failFast, onError)
  const queue = new Queue<ScheduleEntry>(queueName, {
    connection,
    prefix: config.prefix,
    skipVersionCheck: true
  })
  queue.on('error', onError)

  async function ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      if (connection.status !== 'ready') throw new Error(`the connection is ${connection.status}`)
      return await question()
    } catch (err) {
      throw new Failure('unavailable', 'Redis does not answer: schedules stay as they are', { cause: err })
    }
  }

  return {
    keep: (wanted) =>
      ask(async () => {
        const known = new Set((await queue.getJobSchedulers()).map(({ key }) => key))
        const byId = new Map(wanted.map((entry) => [idOf(entry), entry]))
        const gone = [...known].filter((id) => !byId.has(id))
        const fresh = [...byId].filter(([id]) => !known.has(id))
        for (const id of gone) await queue.removeJobScheduler(id)
        for (const [id, entry] of fresh) {
          const { expression: pattern, timezone: tz } = entry
          await queue.upsertJobScheduler(id, { pattern, tz }, { name: 'due', data: entry, opts: oneDue })
        }
        return { added: fresh.length, removed: gone.length }
      }),
    work(call) {
      const patiently = connect(config, patient, onError)
      const worker = new Worker<ScheduleEntry>(
        queueName,
        async ({ data, opts: { prevMillis }, timestamp }) => {
          await call({ ...data, at: prevMillis ?? timestamp })
        },
        { connection: patiently, prefix: config.prefix, concurrency: 10, lockDuration: 15_000, stalledInterval: 5000 }
      )
      worker.on('error', onError)
      worker.on('failed', (_job, err) => onError(err))
      return { close: (graceMs) => stopWorker({ worker, connection: patiently, stop: new AbortController() }, graceMs) }
    },
    async close() {
      await queue.close().catch(onError)
      connection.disconnect()
    }
  }
}

/** The same for as long as function, expression and time zone are: a new version takes over what waits. */
function idOf({ ownerId, functionName, expression, timezone }: ScheduleEntry): string {
  const content = createHash('sha256').update(`${expression}\n${timezone}`).digest('hex').slice(0, 16)
  return `${ownerId}.${functionName}.${content}`
}
