import type { LogChunk, LogStep, Logs } from '@slipway/domain'

/** The log of one build, written while it happens. */
export interface LogWriter {
  write(step: LogStep, functionName: string | null, stream: LogChunk['stream'], text: string): void
  /** Writes out what is pending. @throws Failure `unavailable` */
  flush(): Promise<void>
}

/** A reader sees a line within this time. */
const flushMs = 100
/** One chunk of one function and step holds at most so much. */
const chunkLimit = 16_384

export interface LogWriterOptions {
  logs: Pick<Logs, 'append'>
  buildId: string
  /** Takes secrets out. */
  redact(text: string): string
  /** What a build may print in all; the rest is counted and dropped. */
  limitBytes: number
  now: () => number
  /** The log grew. */
  grew(): void
  /** Writing failed; it is tried again with the next lines. */
  onError(err: unknown): void
}

export function createLogWriter({
  logs,
  buildId,
  redact,
  limitBytes,
  now,
  grew,
  onError
}: LogWriterOptions): LogWriter {
  let pending: Omit<LogChunk, 'seq'>[] = []
  let timer: NodeJS.Timeout | null = null
  let writing: Promise<void> = Promise.resolve()
  let bytes = 0
  let isCut = false

  async function flush(): Promise<void> {
    const chunks = pending
    pending = []
    if (chunks.length === 0) return
    try {
      await logs.append(buildId, chunks)
      grew()
    } catch (err) {
      pending = [...chunks, ...pending]
      throw err
    }
  }

  function schedule(): void {
    timer ??= setTimeout(() => {
      timer = null
      writing = writing.then(flush).catch(onError)
    }, flushMs)
  }

  function add(chunk: Omit<LogChunk, 'seq'>): void {
    const last = pending.at(-1)
    const isContinued =
      last !== undefined &&
      last.step === chunk.step &&
      last.functionName === chunk.functionName &&
      last.stream === chunk.stream &&
      last.text.length + chunk.text.length < chunkLimit
    if (isContinued) last.text += `\n${chunk.text}`
    else pending.push(chunk)
    schedule()
  }

  return {
    write(step, functionName, stream, written) {
      const text = redact(written)
      const isOurs = stream === 'slipway'
      if (!isOurs && bytes > limitBytes) {
        if (!isCut)
          add({
            at: now(),
            step,
            functionName,
            stream: 'slipway',
            text: `the log is longer than ${limitBytes} bytes: the rest is left out`
          })
        isCut = true
        return
      }
      bytes += Buffer.byteLength(text)
      // A store takes no NUL in a text.
      add({ at: now(), step, functionName, stream, text: text.replaceAll('\0', '\u{fffd}') })
    },
    async flush() {
      if (timer !== null) clearTimeout(timer)
      timer = null
      await writing
      await flush()
    }
  }
}
