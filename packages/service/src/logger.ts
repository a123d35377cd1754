import { type Logger, pino } from 'pino'
import { createLogDestination } from './log-destination.ts'

export type { Logger } from 'pino'

/** One line a fact, to standard error: standard output belongs to what a command prints. */
export function createLogger(name: string, level: string): Logger {
  return pino(
    {
      name,
      level,
      base: { service: name },
      redact: ['req.headers.authorization', 'authorization', 'token', 'password']
    },
    createLogDestination(2)
  )
}
