import { Failure } from '@slipway/domain/failure'
import closeWithGrace from 'close-with-grace'
import type { Logger } from './logger.ts'
import { endSmallStart } from './small-start.ts'

/** A service that was started. */
export interface Running {
  /** Where it listens; null when it does not. */
  url: string | null
  close(): Promise<void>
}

/**
 * Owns the process: starts, waits for a signal, stops. A signal during the start asks it to give up; a second one ends at once.
 * A Failure at the start is told in one line and ends with 1, for it names what to do; anything else shows its stack.
 *
 * @param start its signal aborts when the process is to end.
 * @param graceMs how long stopping may take before the process ends all the same.
 */
export async function run(
  start: (stop: AbortSignal) => Promise<Running>,
  logger: Logger,
  graceMs = 30_000
): Promise<void> {
  const stop = new AbortController()
  const starting = (async () => start(stop.signal))()
  const grace = closeWithGrace({ delay: graceMs, logger }, async ({ err }) => {
    if (err !== undefined) logger.error({ err }, 'closing after an error')
    stop.abort(new Error('the process is to end'))
    // What did not come to start has nothing to close: whoever started it knows why.
    const running = await starting.catch(() => null)
    await running?.close()
  })
  try {
    await starting
  } catch (err) {
    if (stop.signal.aborted) return
    grace.uninstall()
    if (err instanceof Failure) process.stderr.write(`${err.message}\n`)
    else logger.fatal({ err }, 'could not start')
    process.exitCode = 1
    // Handles that a failed start left open must not keep the process.
    setTimeout(() => process.exit(), 1000).unref()
    return
  }
  endSmallStart()
}
