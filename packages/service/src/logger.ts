import { type Logger, pino } from 'pino'
import { createLogDestination } from './log-destination.ts'

export type { Logger } from 'pino'

/** One line a fact, to standard error: standard output belongs to what a command prints. A service sets its level once it has read it. */
export function createLogger(name: string, level = 'info'): Logger {
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
