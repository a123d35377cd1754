import { Failure, type FailureCode } from '@slipway/domain'
import { type ConnectionSettings, connect } from './connection.ts'

/** What every group of commands is given by `main`. */
export interface CommandContext {
  settings: ConnectionSettings
  print: (line: string) => void
  /** Where the command was called: a checkout says whose things it is about. */
  directory: string
  /** Of the terminal: `TERM`, `NO_COLOR`. */
  env: Record<string, string | undefined>
}

export async function connected({ settings }: Pick<CommandContext, 'settings'>) {
  return (await connect(settings)).api
}

/** A failure of the API with what to try next, for a person who does not know its routes. */
export async function withHints<T>(work: Promise<T>, hints: Partial<Record<FailureCode, string>>): Promise<T> {
  try {
    return await work
  } catch (err) {
    const hint = err instanceof Failure ? hints[err.code] : undefined
    // What says already what to do is left as it is.
    if (!(err instanceof Failure) || hint === undefined || err.message.includes('"slipway ')) throw err
    throw new Failure(err.code, `${err.message}: ${hint}`, { cause: err })
  }
}

export const hints = {
  build: { 'not-found': '"slipway builds" lists them' },
  function: { 'not-found': '"slipway functions" lists them' }
} as const

/** Text after a command's help. */
export function example(...lines: string[]): string {
  return `\nExample:\n${lines.map((line) => `  ${line}`).join('\n')}`
}

export function shown(value: unknown): string {
  return JSON.stringify(value, null, 2)
}
