import { overLimit, type StepLimit } from '@slipway/domain'

/**
 * Does one step of ours within its time. Its signal ends it; one that does not listen is left behind.
 *
 * @throws Failure `unavailable` naming the step and its setting; the caller's own reason when it gave up.
 */
export async function limited<T>(
  limit: StepLimit,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>
): Promise<T> {
  signal.throwIfAborted()
  // Not AbortSignal.timeout: its timer would stay until the limit is over, long after a step that took a moment.
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), limit.ms)
  const both = AbortSignal.any([signal, timeout.signal])
  const over = Promise.withResolvers<never>()
  const stop = () => over.reject(both.reason)
  both.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([work(both), over.promise])
  } catch (err) {
    signal.throwIfAborted()
    if (timeout.signal.aborted) throw overLimit(limit, 'ours', { cause: err })
    throw err
  } finally {
    clearTimeout(timer)
    both.removeEventListener('abort', stop)
  }
}
