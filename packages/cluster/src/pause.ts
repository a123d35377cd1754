import { setTimeout as sleep } from 'node:timers/promises'

/** Waits; throws the signal's own reason when it is given up, so that whoever gave up is the one who is told of. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch (err) {
    throw signal.aborted ? signal.reason : err
  }
}
