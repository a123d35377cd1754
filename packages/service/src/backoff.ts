/**
 * When to try again after the `attempt`-th failure (from 1): 1 s, doubling, at most 5 min, with a fifth of jitter
 * so that what failed together does not come back together.
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const base = Math.min(1000 * 2 ** (attempt - 1), 300_000)
  return Math.round(base * (0.9 + 0.2 * random()))
}

/** After so many tries, about an hour, a build is told as `error`. */
export const attemptLimit = 18
