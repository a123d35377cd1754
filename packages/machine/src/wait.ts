import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'

export interface WaitOptions {
  timeoutMs: number
  everyMs?: number
  signal?: AbortSignal
  /** What is waited for, to complete "waited 5 s for …". */
  what?: string
}

/**
 * Asks again and again until the answer is neither false, null nor undefined, and returns it.
 * An error of the condition ends the wait: a condition that expects errors returns false for them.
 *
 * @throws Failure `timed-out`; the signal's reason when it is aborted
 */
export async function waitFor<T>(condition: () => T | Promise<T>, options: WaitOptions): Promise<NonNullable<T>> {
  const { timeoutMs, everyMs = 25, signal, what = 'a condition' } = options
  const end = performance.now() + timeoutMs
  for (;;) {
    signal?.throwIfAborted()
    const answer = await condition()
    if (answer !== false && answer !== null && answer !== undefined) return answer
    if (performance.now() >= end) throw new Failure('timed-out', `waited ${timeoutMs / 1000} s for ${what}`)
    await sleep(everyMs, undefined, { signal })
  }
}
