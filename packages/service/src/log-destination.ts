import { write, writeSync } from 'node:fs'

/** What is kept of lines that cannot be written now; what comes then is left out. */
const keptBytes = 4 * 1024 * 1024
const retryMs = 1000

export interface LogDestination {
  write(line: string): void
  /** Writes what is left, as far as that goes at once. */
  flushSync(): void
}

/**
 * Writes lines to a file descriptor in as few writes as they allow, without waiting for any. With the disk full that takes them
 * the service goes on: lines are kept for a while, and written when there is room. (pino's own destination ends the process then,
 * or does not let it end.)
 */
export function createLogDestination(fd: number): LogDestination {
  let waiting = ''
  let writing: Buffer | null = null
  /** The operating system has it: written it will be, also after an exit. */
  let isInFlight = false

  function next(): void {
    if (writing !== null || waiting === '') return
    writing = Buffer.from(waiting)
    waiting = ''
    attempt()
  }

  function attempt(): void {
    if (writing === null) return
    isInFlight = true
    write(fd, writing, (err, written) => {
      isInFlight = false
      if (writing === null) return // flushed meanwhile
      if (err !== null) {
        setTimeout(attempt, err.code === 'EAGAIN' ? 10 : retryMs).unref()
        return
      }
      const rest = writing.subarray(written)
      writing = rest.length > 0 ? rest : null
      if (writing === null) next()
      else attempt()
    })
  }

  function flushSync(): void {
    const rest = Buffer.concat([...(writing === null || isInFlight ? [] : [writing]), Buffer.from(waiting)])
    if (!isInFlight) writing = null
    waiting = ''
    try {
      for (let from = 0; from < rest.length; ) from += writeSync(fd, rest.subarray(from))
    } catch {
      // There is nowhere to tell that what is told cannot be written.
    }
  }

  process.once('exit', flushSync)
  return {
    write(line) {
      if (waiting.length + (writing?.length ?? 0) + line.length > keptBytes) return
      waiting += line
      next()
    },
    flushSync
  }
}
