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
 * Owns the process: starts, waits for a signal, stops. A second signal ends at once.
 * A Failure at the start is told in one line and ends with 1, for it names what to do; anything else shows its stack.
 *
 * @param graceMs how long stopping may take before the process ends all the same.
 */
export async function run(start: () => Promise<Running>, logger: Logger, graceMs = 30_000): Promise<void> {
  let running: Running
  try {
    running = await start()
  } catch (err) {
    if (err instanceof Failure) process.stderr.write(`${err.message}\n`)
    else logger.fatal({ err }, 'could not start')
    process.exitCode = 1
    // Handles that a failed start left open must not keep the process.
    setTimeout(() => process.exit(), 1000).unref()
    return
  }
  endSmallStart()
  closeWithGrace({ delay: graceMs, logger }, async ({ err }) => {
    if (err !== undefined) logger.error({ err }, 'closing after an error')
    await running.close()
  })
}
