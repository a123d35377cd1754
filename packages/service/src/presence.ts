import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { RunningService, ServiceFacts, ServiceKind, Services } from '@slipway/domain'
import type { Logger } from './logger.ts'
import { createLoop } from './loop.ts'

/** How often a service says that it is there. */
const everyMs = 10_000

/** Slipway's version: that of every part of it. */
export function releaseOf(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

export interface PresenceDeps {
  services: Pick<Services, 'tell' | 'leave'>
  kind: ServiceKind
  id: string
  /** Asked each time. */
  facts?: (signal: AbortSignal) => Promise<ServiceFacts>
  now: () => number
  logger: Logger
}

/** Says now and then that this service is there, and takes it back when it stops in order. */
export function createPresence({ services, kind, id, facts, now, logger }: PresenceDeps): { close(): Promise<void> } {
  const about = { id, kind, host: hostname(), version: releaseOf(), startedAt: now() }
  const loop = createLoop(
    'presence',
    everyMs,
    async (signal) => {
      const told: RunningService = { ...about, facts: (await facts?.(signal)) ?? {}, seenAt: now() }
      await services.tell(told)
    },
    logger
  )
  return {
    async close() {
      await loop.close()
      try {
        await services.leave(id)
      } catch (err) {
        logger.debug({ err }, 'this service could not say that it stops: it is forgotten after a day')
      }
    }
  }
}
