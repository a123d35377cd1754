import { Failure } from '@slipway/domain/failure'
import type { TrafficBatch, TrafficPart } from '@slipway/domain/traffic'
import { connect, failFast, type QueueConfig } from './connection.ts'

/*
 * What gateways counted, on its way to the store: a stream, in which nothing is lost while its reader is away.
 * Plain checks and no schemas, for gateways send.
 */

const keyOf = ({ prefix }: QueueConfig) => `${prefix}:traffic`

/** With nobody there to read, older batches give way: a day of one gateway's. */
const mostBatches = 20_000

export interface TrafficSender {
  /** Resolves when Redis has it. @throws Failure `unavailable`: it may have it all the same; the same batch may be sent again. */
  send(batch: TrafficBatch): Promise<void>
  close(): Promise<void>
}

export function createTrafficSender(config: QueueConfig, onError: (err: Error) => void): TrafficSender {
  const redis = connect(config, failFast, onError)
  return {
    async send(batch) {
      try {
        await redis.xadd(keyOf(config), 'MAXLEN', '~', mostBatches, '*', 'batch', JSON.stringify(batch))
      } catch (err) {
        throw new Failure('unavailable', 'Redis does not take what was counted: it is sent again', { cause: err })
      }
    },
    async close() {
      redis.disconnect()
    }
  }
}

export interface TrafficReader {
  /** The oldest that were not removed. `batch` is null for what is none. @throws Failure `unavailable` */
  read(most: number): Promise<{ id: string; batch: TrafficBatch | null }[]>
  /** They are in the store. @throws Failure `unavailable` */
  remove(ids: string[]): Promise<void>
  close(): Promise<void>
}

export function createTrafficReader(config: QueueConfig, onError: (err: Error) => void): TrafficReader {
  const redis = connect(config, failFast, onError)
  async function ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (err) {
      throw new Failure('unavailable', 'Redis does not hand out what gateways counted', { cause: err })
    }
  }
  return {
    read: (most) =>
      ask(async () => {
        const entries = await redis.xrange(keyOf(config), '-', '+', 'COUNT', most)
        return entries.map(([id, [, text = '']]) => ({ id, batch: parse(text) }))
      }),
    remove: (ids) =>
      ask(async () => {
        if (ids.length > 0) await redis.xdel(keyOf(config), ...ids)
      }),
    async close() {
      redis.disconnect()
    }
  }
}

function parse(text: string): TrafficBatch | null {
  try {
    const batch = JSON.parse(text) as Partial<TrafficBatch> | null
    if (typeof batch?.sender !== 'string' || !isCount(batch.number) || !Array.isArray(batch.parts)) return null
    return batch.parts.every(isPart) ? { sender: batch.sender, number: batch.number, parts: batch.parts } : null
  } catch {
    return null // no JSON: somebody else's
  }
}

function isPart(part: Partial<TrafficPart> | null): part is TrafficPart {
  return (
    typeof part?.ownerId === 'string' &&
    typeof part.functionName === 'string' &&
    [part.at, part.calls, part.running].every(isCount) &&
    Array.isArray(part.latency) &&
    part.latency.every(isCount) &&
    typeof part.codes === 'object' &&
    part.codes !== null &&
    Object.values(part.codes).every(isCount)
  )
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
