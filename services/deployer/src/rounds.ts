import { Failure } from '@slipway/domain'
import { backoffMs, createLoop, type Logger, type Loop } from '@slipway/service'

export interface RoundsDeps {
  name: string
  forgeId: string
  everyMs: number
  isLeader(): boolean
  /** Milliseconds of a clock that nobody sets. */
  monotonicNow: () => number
  logger: Logger
}

/**
 * Asks one forge something at once and then now and then, with a fifth of jitter, so that many installations, or many questions, do
 * not come together. A forge that fails is left alone for longer each time, and for as long as it says.
 * Only the leader asks. `wake` asks at once, unless the forge is being left alone.
 */
export function createRounds(
  { name, forgeId, everyMs, isLeader, monotonicNow, logger }: RoundsDeps,
  work: (signal: AbortSignal) => Promise<void>
): Loop {
  let nextAt = 0
  let failures = 0
  const loop = createLoop(
    `${name} ${forgeId}`,
    Math.min(1000, everyMs),
    async (signal) => {
      if (!isLeader() || monotonicNow() < nextAt) return
      try {
        await work(signal)
        failures = 0
        nextAt = monotonicNow() + everyMs * (0.9 + 0.2 * Math.random())
      } catch (err) {
        if (signal.aborted) return
        failures += 1
        const waitMs = Math.max(backoffMs(failures), err instanceof Failure ? (err.retryAfterMs ?? 0) : 0)
        nextAt = monotonicNow() + waitMs
        logger.warn({ err, forgeId, waitMs }, `${name}: the forge is asked again later`)
      }
    },
    logger
  )
  return {
    wake() {
      if (failures === 0) nextAt = 0
      loop.wake()
    },
    close: loop.close
  }
}
