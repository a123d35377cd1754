import type { Logger } from './logger.ts'

/** Work that is done again and again, and at once when woken. Never two rounds at a time. */
export interface Loop {
  wake(): void
  close(): Promise<void>
}

/**
 * Runs `round` every `periodMs`, and at once after `wake()`. An error is logged and the next round comes all the same:
 * whatever the loop does must be level-triggered. The signal aborts when the loop is closed.
 */
export function createLoop(
  name: string,
  periodMs: number,
  round: (signal: AbortSignal) => Promise<void>,
  logger: Logger
): Loop {
  const stop = new AbortController()
  let isWoken = false
  let resume: (() => void) | null = null

  function pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, periodMs)
      function done() {
        clearTimeout(timer)
        resume = null
        resolve()
      }
      resume = done
    })
  }

  async function work(): Promise<void> {
    while (!stop.signal.aborted) {
      isWoken = false
      try {
        await round(stop.signal)
      } catch (err) {
        if (!stop.signal.aborted) logger.error({ err, loop: name }, 'a round failed, it is tried again')
      }
      if (!isWoken && !stop.signal.aborted) await pause()
    }
  }

  const working = work()
  return {
    wake: () => {
      isWoken = true
      resume?.()
    },
    close: async () => {
      stop.abort()
      resume?.()
      await working
    }
  }
}
