import { setTimeout as sleep } from 'node:timers/promises'
import type { MachineLogger, ProcessEnd } from './process.ts'

interface Stoppable {
  exited: Promise<ProcessEnd>
  stop(): Promise<void>
}

export interface KeptProcess {
  /** Ends the process for as long as the work takes, and starts it again, whatever becomes of the work. One at a time. */
  interrupt<T>(work: () => Promise<T>): Promise<T>
  stop(): Promise<void>
}

export interface KeepOptions {
  /** What it is, for the log. */
  name: string
  start: () => Promise<Stoppable>
  logger: MachineLogger
  /** Between two tries to start it again; doubled from one to the next, up to 10 s. */
  pauseMs?: number
}

/**
 * Starts a process and starts it again whenever it ends by itself: killed, or for want of room on the disk.
 * Throws only when the first start fails.
 */
export async function keepRunning({ name, start, logger, pauseMs = 200 }: KeepOptions): Promise<KeptProcess> {
  const stopping = new AbortController()
  let running: Stoppable | null = await start()
  let interrupting: Promise<unknown> | null = null

  /** Until it runs or is not wanted any more. */
  async function startAgain(): Promise<void> {
    for (let failed = 0; !stopping.signal.aborted; failed++) {
      try {
        running = await start()
        return
      } catch (err) {
        logger.error({ err, program: name }, 'it does not start, it is tried again')
        await sleep(Math.min(pauseMs * 2 ** failed, 10_000), undefined, { signal: stopping.signal }).catch(() => null)
      }
    }
  }

  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      const watched = running
      const end = await watched?.exited
      await interrupting
      if (stopping.signal.aborted || running !== watched) continue
      logger.error({ program: name, end }, 'it ended, it is started again')
      running = null
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => null)
      await startAgain()
    }
  }
  const watching = watch()

  async function interruptNow<T>(work: () => Promise<T>): Promise<T> {
    await running?.stop()
    running = null
    try {
      return await work()
    } finally {
      await startAgain()
    }
  }

  return {
    async interrupt(work) {
      while (interrupting !== null) await interrupting
      const done = interruptNow(work)
      interrupting = done.then(
        () => null,
        () => null
      )
      try {
        return await done
      } finally {
        interrupting = null
      }
    },
    async stop() {
      stopping.abort()
      await interrupting
      await running?.stop()
      await watching
      // It may just have been started again.
      await running?.stop()
    }
  }
}
