import { StringDecoder } from 'node:string_decoder'

export interface LogLine {
  /** `slipway`: said by the builder about the build, not by anything that ran in it. */
  stream: 'stdout' | 'stderr' | 'slipway'
  text: string
}

export interface BuildLogLimits {
  /** Of all output of one build. */
  bytes: number
  /** Characters of one line. */
  line: number
}

export const defaultLogLimits: BuildLogLimits = { bytes: 5 * 1024 * 1024, line: 16 * 1024 }

export interface BuildLog {
  say(text: string): void
  /** A part of what a step printed. `source` tells steps apart that print at the same time. */
  write(source: string, stream: 'stdout' | 'stderr', bytes: Buffer): void
  /** Gives out the lines of a source that did not end, or of all. */
  flush(source?: string): void
}

/**
 * Makes lines of what a build prints, as it prints it: a line that overwrites itself by carriage returns (a progress bar) is
 * given once, as it stood at its end; what is longer than the limits is cut, and said so once.
 */
export function createBuildLog(onLog: (line: LogLine) => void, limits: BuildLogLimits = defaultLogLimits): BuildLog {
  const partials = new Map<string, Partial>()
  let bytesLeft = limits.bytes

  function give(stream: 'stdout' | 'stderr', line: string): void {
    if (bytesLeft <= 0) return
    const text = line.length > limits.line ? `${line.slice(0, limits.line)} […]` : line
    bytesLeft -= Buffer.byteLength(text) + 1
    onLog({ stream, text })
    if (bytesLeft > 0) return
    const limit = `${Math.round((limits.bytes / 1024 / 1024) * 10) / 10} MiB`
    onLog({ stream: 'slipway', text: `the log is cut here: more than ${limit} were printed` })
  }

  return {
    say: (text) => onLog({ stream: 'slipway', text }),
    write(source, stream, bytes) {
      if (bytesLeft <= 0) return
      const key = `${source} ${stream}`
      const partial = partials.get(key) ?? createPartial(source, stream, limits.line)
      partials.set(key, partial)
      for (const line of partial.push(bytes)) give(stream, line)
    },
    flush(source) {
      for (const [key, partial] of partials) {
        if (source !== undefined && partial.source !== source) continue
        partials.delete(key)
        const line = partial.end()
        if (line !== '') give(partial.stream, line)
      }
    }
  }
}

interface Partial {
  source: string
  stream: 'stdout' | 'stderr'
  push(bytes: Buffer): string[]
  end(): string
}

function createPartial(source: string, stream: 'stdout' | 'stderr', limit: number): Partial {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  return {
    source,
    stream,
    push(bytes) {
      const lines = (rest + decoder.write(bytes)).split('\n')
      // A carriage return at the very end may be half of a line end. One more than the limit, so that the cut is seen.
      const last = fold(lines.pop() ?? '')
      rest = last.endsWith('\r') ? `${last.slice(0, -1).slice(0, limit + 1)}\r` : last.slice(0, limit + 1)
      return lines.map((line) => fold(line).replace(/\r$/, ''))
    },
    end: () => fold(rest + decoder.end()).replace(/\r$/, '')
  }
}

/** What stands on a line after all that carriage returns have overwritten. */
function fold(line: string): string {
  const end = line.replace(/\r+$/, '')
  const kept = end.slice(end.lastIndexOf('\r') + 1)
  return end.length === line.length ? kept : `${kept}\r`
}
