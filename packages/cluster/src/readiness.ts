import type { Readiness } from '@slipway/domain'

/** While a function starts it is asked often: the time from push to live is what people wait for. */
export const eagerMs = 5000
/** An answer may take so long, however little was set. */
export const minimumProbeMs = 500

/** How long it may take to become ready: what READY_TIMEOUT_MS sets, or more where its own thresholds allow that. */
export function readyLimitMs(
  { initialDelayMs, failureThreshold, periodMs }: Readiness,
  readyTimeoutMs: number
): number {
  return Math.max(readyTimeoutMs, initialDelayMs + failureThreshold * periodMs)
}

/** For an owner whose function was asked on a path that it does not know: where that comes from, and how to have another. */
export function pathOrigin({ pathSource }: Readiness): string {
  const annotation = 'annotation com.openfaas.ready.http.path'
  const from = `the path comes from ${pathSource}`
  return pathSource.includes(annotation) ? from : `${from}; ${annotation} changes it`
}
