import type { Endpoint, Readiness } from '@slipway/domain'
import { pause } from '../pause.ts'
import { eagerMs, minimumProbeMs, readyLimitMs } from '../readiness.ts'
import { type Answer, ask, describeAnswer, isBusy, isReady } from './probe.ts'

export interface ReadinessLimits {
  /** At least so long is waited, whatever the thresholds say. */
  readyTimeoutMs: number
  now: () => number
}

const eagerPeriodMs = 25
/** Where nothing listens yet, asking costs the function nothing. */
const refusedPeriodMs = 10
const minimumPeriodMs = 100

/**
 * Asks a replica on its readiness path until it is ready.
 *
 * @param isServing it takes calls already, so that being busy is as good as being ready.
 * @returns null when it is ready; else the reason, when the time is over.
 */
export async function waitUntilReady(
  endpoint: Endpoint,
  readiness: Readiness,
  { readyTimeoutMs, now }: ReadinessLimits,
  isServing: boolean,
  signal: AbortSignal
): Promise<string | null> {
  const { initialDelayMs, periodMs, successThreshold } = readiness
  const startedAt = now()
  const timeoutMs = Math.max(readiness.timeoutMs, minimumProbeMs)
  const limitMs = readyLimitMs(readiness, readyTimeoutMs)
  if (initialDelayMs > 0) await pause(initialDelayMs, signal)
  let successes = 0
  let last: Answer | null = null
  while (now() - startedAt < limitMs) {
    last = await ask(endpoint, readiness.path, timeoutMs, signal)
    if (isServing && isBusy(last)) return null
    successes = isReady(last) ? successes + 1 : 0
    if (successes >= Math.max(successThreshold, 1)) return null
    const isEager = successes === 0 && now() - startedAt - initialDelayMs < eagerMs
    const eagerPauseMs = last.kind === 'refused' ? refusedPeriodMs : eagerPeriodMs
    const pauseMs = isEager ? eagerPauseMs : Math.max(periodMs, minimumPeriodMs)
    await pause(Math.max(0, Math.min(pauseMs, startedAt + limitMs - now())), signal)
  }
  const own = limitMs > readyTimeoutMs ? 'its own thresholds allow' : 'READY_TIMEOUT_MS sets'
  return `it was not ready within ${Math.round(limitMs / 100) / 10} s, the limit that ${own}: ${describeAnswer(last, readiness)}`
}
