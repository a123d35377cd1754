import type { LogChunk } from '@slipway/domain'
import { clipped, onOneLine, printable } from './table.ts'

/** Shows how a build goes on. */
export interface Progress {
  tell(chunk: Pick<LogChunk, 'step' | 'functionName' | 'text'>): void
  /** What is on the screen stays there. */
  end(): void
  /** The last lines of a part that were drawn over; none where all of them are still to be read above. */
  lastLines(functionName: string): string[]
}

export interface Terminal {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

/** On a terminal one line for each part of the build, which is drawn anew as it goes on; elsewhere every line of the log. */
export function createProgress(terminal: Terminal, env: Record<string, string | undefined>): Progress {
  const canRedraw = terminal.isTTY === true && env.TERM !== 'dumb'
  return canRedraw ? createDrawing(terminal, env) : createLines((line) => terminal.write(`${line}\n`))
}

export function createLines(print: (line: string) => void): Progress {
  return {
    tell({ step, functionName, text }) {
      const part = functionName === null ? step : `${step} ${functionName}`
      for (const line of text.split('\n')) print(`${part} | ${printable(line)}`)
    },
    end() {},
    lastLines: () => []
  }
}

/** Of a part that failed: the end of what a test said, without the list of all that went well. */
const keptLines = 30

const escape = '\u001b['

function createDrawing(terminal: Terminal, env: Record<string, string | undefined>): Progress {
  const isPlain = env.NO_COLOR !== undefined && env.NO_COLOR !== ''
  const faint = (text: string) => (isPlain ? text : `${escape}2m${text}${escape}0m`)
  /** Of each part its step and the last line that it said. */
  const parts = new Map<string, { step: string; line: string }>()
  const last = new Map<string, string[]>()
  let drawn = 0

  function draw(): void {
    const width = Math.max(20, (terminal.columns ?? 80) - 1)
    const labels = Math.max(0, ...parts.keys().map((name) => name.length))
    const lines = [...parts].map(([name, { step, line }]) => {
      const head = `${name.padEnd(labels)}  ${step.padEnd(8)}  `
      return `${head}${faint(clipped(line, Math.max(1, width - head.length)))}`
    })
    const up = drawn === 0 ? '' : `${escape}${drawn}A`
    terminal.write(`${up}${lines.map((line) => `\r${escape}2K${line}\n`).join('')}`)
    drawn = lines.length
  }

  return {
    tell({ step, functionName, text }) {
      const lines = text.split('\n').filter((one) => one.trim() !== '')
      const name = functionName ?? 'stack'
      parts.set(name, { step, line: onOneLine(lines.at(-1) ?? '') })
      last.set(name, [...(last.get(name) ?? []), ...lines.map(printable)].slice(-keptLines))
      draw()
    },
    end() {
      drawn = 0
    },
    lastLines: (functionName) => last.get(functionName) ?? []
  }
}
