import { setFlagsFromString } from 'node:v8'

/**
 * How often V8 sees a function or loop called before it compiles it anew, better: what starting calls often is hardly called again, and a
 * compiler that was never used is no part of a process' resident memory, nor is what it would have made: 14 MiB for two processes.
 * Afterwards a few times V8's own numbers, which work reaches within a second, and waiting for work does not for long.
 */
const invocations = {
  maglev: 2000,
  'maglev-osr': 500,
  'maglev-with-delay': 3000,
  turbofan: 6000,
  osr: 2000,
  'early-optimization': 300
}
/** More than any start calls. What starting did call has this far to go afterwards, too, for V8 sets it when it first counts. */
const atStart = 400_000

const flag = (name: string, count: number) => `--invocation-count-for-${name}=${count}`

/** Node refuses to start with a flag that its V8 does not know, and other versions may have other names. */
const isKnown = process.versions.node.startsWith('24.')

/** For Node processes that run for long and are to be small: to be started with. */
export const smallStartFlags = [
  '--expose-gc',
  ...(isKnown ? Object.keys(invocations).map((name) => flag(name, atStart)) : [])
]

/** To be called once such a process has started; does nothing in others. */
export function endSmallStart(): void {
  if (!smallStartFlags.every((given) => process.execArgv.includes(given))) return
  // What starting left behind goes now, not when room is short.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  if (!isKnown) return
  for (const [name, count] of Object.entries(invocations)) setFlagsFromString(flag(name, count))
}
