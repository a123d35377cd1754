import type { LogChunk } from '@slipway/domain'
import { onOneLine, printable } from './table.ts'

/** Shows how a build goes on. */
export interface Progress {
  tell(chunk: Pick<LogChunk, 'step' | 'functionName' | 'text'>): void
  /** What is on the screen stays there. */
  end(): void
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
    end() {}
  }
}

const escape = '\u001b['

function createDrawing(terminal: Terminal, env: Record<string, string | undefined>): Progress {
  const isPlain = env.NO_COLOR !== undefined && env.NO_COLOR !== ''
  const faint = (text: string) => (isPlain ? text : `${escape}2m${text}${escape}0m`)
  /** Of each part its step and the last line that it said. */
  const parts = new Map<string, { step: string; line: string }>()
  let drawn = 0

  function draw(): void {
    const width = Math.max(20, (terminal.columns ?? 80) - 1)
    const labels = Math.max(0, ...parts.keys().map((name) => name.length))
    const lines = [...parts].map(([name, { step, line }]) => {
      const head = `${name.padEnd(labels)}  ${step.padEnd(8)}  `
      return `${head}${faint(line.slice(0, Math.max(0, width - head.length)))}`
    })
    const up = drawn === 0 ? '' : `${escape}${drawn}A`
    terminal.write(`${up}${lines.map((line) => `\r${escape}2K${line}\n`).join('')}`)
    drawn = lines.length
  }

  return {
    tell({ step, functionName, text }) {
      const line = text.split('\n').findLast((one) => one.trim() !== '') ?? ''
      parts.set(functionName ?? 'stack', { step, line: onOneLine(line) })
      draw()
    },
    end() {
      drawn = 0
    }
  }
}
