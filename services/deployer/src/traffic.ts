import { Failure, type Store } from '@slipway/domain'
import type { TrafficReader } from '@slipway/queue'
import { createLoop, type Logger, type Loop } from '@slipway/service'

export interface TrafficRecorderDeps {
  traffic: Pick<Store['traffic'], 'record'>
  reader: Pick<TrafficReader, 'read' | 'remove'>
  isLeader(): boolean
  periodMs: number
  logger: Logger
}

/** Of one transaction, so that nobody waits for long. */
const batchesAtOnce = 20

/** Writes what gateways counted into the store. It is taken from the stream after that: the store knows what it has already. */
export function createTrafficRecorder(deps: TrafficRecorderDeps): Loop {
  const { traffic, reader, isLeader, periodMs, logger } = deps
  let failures = 0

  async function recordAll(signal: AbortSignal): Promise<void> {
    while (isLeader() && !signal.aborted) {
      const entries = await reader.read(batchesAtOnce)
      const batches = entries.flatMap(({ batch }) => (batch === null ? [] : [batch]))
      if (batches.length < entries.length) logger.warn('something in the stream of traffic is no count: it is dropped')
      if (batches.length > 0) await traffic.record(batches)
      await reader.remove(entries.map(({ id }) => id))
      if (entries.length < batchesAtOnce) return
    }
  }

  return createLoop(
    'traffic',
    periodMs,
    async (signal) => {
      try {
        await recordAll(signal)
        failures = 0
      } catch (err) {
        if (!(err instanceof Failure)) throw err
        failures += 1
        // Told once, not every few seconds, and not of the first moment, in which Redis is still being connected to.
        if (failures === 2) logger.warn({ err }, 'what gateways counted is not recorded: it is tried again')
      }
    },
    logger
  )
}
