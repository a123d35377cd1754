import { type Deployment, replicasFor, type ScalePolicy } from '@slipway/domain'
import type { Load } from './load.ts'

/** What was seen of one deployment. Times are of a clock that nobody sets. */
export interface Seen {
  busyAt: number
  samples: ({ at: number } & Load)[]
  /** What load would have wanted, lately. */
  wanted: { at: number; replicas: number }[]
}

/** Load is looked at over so long. */
const windowMs = 10_000
/** Less than that says too little. */
const leastMs = 4000

/** Before there is something to say of it: idle from now on. */
export function seenFrom(at: number): Seen {
  return { busyAt: at, samples: [], wanted: [] }
}

export function note(seen: Seen, { inFlight, calls }: Load, at: number): void {
  if (inFlight > 0 || calls > 0) seen.busyAt = at
  seen.samples.push({ at, inFlight, calls })
  seen.samples = seen.samples.filter((sample) => sample.at >= at - windowMs)
}

/**
 * How many replicas a deployment should have now; null: as many as it has.
 * Up at once, down when less was enough for a while, to none when nobody called it for long enough. From none only calls bring it back.
 */
export function decide(
  { replicas, isScaledByHand, spec }: Pick<Deployment, 'replicas' | 'isScaledByHand' | 'spec'>,
  { load, zeroAfterMs, downAfterMs }: ScalePolicy,
  seen: Seen,
  at: number
): number | null {
  if (isScaledByHand || replicas === 0) return null
  if (zeroAfterMs !== null && at - seen.busyAt >= zeroAfterMs) return 0
  if (load === null) return null
  const amount = load.kind === 'rps' ? callsPerSecond(seen.samples) : meanInFlight(seen.samples)
  if (amount === null) return null
  const wanted = replicasFor(amount, load.target, spec.replicas)
  seen.wanted.push({ at, replicas: wanted })
  // One from before the window, so that it is known to be full.
  while ((seen.wanted[1]?.at ?? at) <= at - downAfterMs) seen.wanted.shift()
  if (wanted > replicas) return wanted
  const isLongEnough = (seen.wanted[0]?.at ?? at) <= at - downAfterMs
  const most = Math.max(...seen.wanted.map((one) => one.replicas))
  return isLongEnough && most < replicas ? most : null
}

function callsPerSecond(samples: Seen['samples']): number | null {
  const [first, ...later] = samples
  const last = later.at(-1)
  if (first === undefined || last === undefined || last.at - first.at < leastMs) return null
  // The first one's calls came before it.
  return later.reduce((sum, { calls }) => sum + calls, 0) / ((last.at - first.at) / 1000)
}

function meanInFlight(samples: Seen['samples']): number | null {
  const [first, last] = [samples[0], samples.at(-1)]
  if (first === undefined || last === undefined || last.at - first.at < leastMs) return null
  return samples.reduce((sum, { inFlight }) => sum + inFlight, 0) / samples.length
}
