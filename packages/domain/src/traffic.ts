/*
 * What functions were asked and answered, counted by gateways and kept by minutes and hours.
 * Without schemas: gateways count, and their processes are to be small.
 */

/** Upper bounds of the latency histogram, in milliseconds. What took longer is in one more cell behind the last. They never change: stored histograms have no others. */
export const latencyBounds = [
  1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000, 7000, 10_000,
  15_000, 20_000, 30_000, 60_000
] as const

/** Calls that ended in some stretch of time. */
export interface TrafficCount {
  calls: number
  /** Answers by status; `499` are callers who left before. */
  codes: Record<string, number>
  /** One cell for each of `latencyBounds`, and one more. */
  latency: number[]
  /** The most that were under way at a time, at one gateway. */
  running: number
}

/** What one gateway counted of one function. */
export interface TrafficPart extends TrafficCount {
  ownerId: string
  functionName: string
  /** The beginning of the minute, epoch milliseconds. */
  at: number
}

/** What a gateway tells at a time. `sender` and `number` are its identity: told twice it is counted once. */
export interface TrafficBatch {
  /** One life of one gateway. */
  sender: string
  /** Counts up. A batch is told again until it is taken, and none before it is. */
  number: number
  parts: TrafficPart[]
}

export const minuteMs = 60_000
export const hourMs = 3_600_000

/** How far back a question goes, and in which steps it is answered. Up to two days are known by minutes, thirty by hours. */
export const trafficWindows = {
  '1h': { lengthMs: hourMs, stepMs: minuteMs, source: 'minutes' },
  '24h': { lengthMs: 24 * hourMs, stepMs: 15 * minuteMs, source: 'minutes' },
  '30d': { lengthMs: 30 * 24 * hourMs, stepMs: 6 * hourMs, source: 'hours' }
} as const satisfies Record<string, { lengthMs: number; stepMs: number; source: 'minutes' | 'hours' }>

export type TrafficWindow = keyof typeof trafficWindows

/** Which steps a window has at a moment: the last one is the one that is not over. */
export function stepsOf(window: TrafficWindow, now: number): { from: number; stepMs: number; count: number } {
  const { lengthMs, stepMs } = trafficWindows[window]
  const count = lengthMs / stepMs
  return { from: (Math.floor(now / stepMs) + 1 - count) * stepMs, stepMs, count }
}

export function noTraffic(): TrafficCount {
  return { calls: 0, codes: {}, latency: latencyBounds.map(() => 0).concat(0), running: 0 }
}

/** The cell of the histogram that a call of this length is counted in. */
export function latencyCell(ms: number): number {
  let low = 0
  let high: number = latencyBounds.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (ms <= (latencyBounds[middle] as number)) high = middle
    else low = middle + 1
  }
  return low
}

/** Adds one count to another, which changes. */
export function addTraffic(into: TrafficCount, more: TrafficCount): void {
  into.calls += more.calls
  into.running = Math.max(into.running, more.running)
  for (const [code, count] of Object.entries(more.codes)) into.codes[code] = (into.codes[code] ?? 0) + count
  for (const [i, count] of more.latency.entries()) into.latency[i] = (into.latency[i] ?? 0) + count
}

/** Answers that say that the function or the platform failed. */
export function errorsOf({ codes }: Pick<TrafficCount, 'codes'>): number {
  return Object.entries(codes).reduce((sum, [code, count]) => (code.startsWith('5') ? sum + count : sum), 0)
}

/**
 * The latency that this share of the calls stayed within, as near as the histogram tells: within a cell calls are taken to lie evenly.
 * Beyond the last bound it is that bound.
 *
 * @param share 0.95 for the 95th percentile
 * @returns milliseconds; null without calls
 */
export function percentileOf(latency: readonly number[], share: number): number | null {
  const total = latency.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  const wanted = Math.max(share * total, Number.MIN_VALUE)
  let before = 0
  for (const [i, count] of latency.entries()) {
    const upper = latencyBounds[i] ?? latencyBounds[latencyBounds.length - 1] ?? 0
    if (before + count >= wanted) {
      const lower = latencyBounds[i - 1] ?? 0
      return round(i < latencyBounds.length ? lower + ((upper - lower) * (wanted - before)) / count : upper)
    }
    before += count
  }
  return latencyBounds[latencyBounds.length - 1] ?? null
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100
}
