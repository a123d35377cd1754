import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import type { Logger } from './logger.ts'
import { orAborted } from './or-aborted.ts'
import { createServer, listenOn } from './server.ts'

/** Part of the schema of services that are nothing without their database. */
export const waitSettings = {
  DATABASE_WAIT_MS: Type.Integer({
    default: 300_000,
    minimum: 0,
    description:
      'For so long a service that starts waits for a PostgreSQL that is away, and for the deployer that sets the installation up; then it ends. One that refuses it ends it at once.'
  })
}

const WaitSettings = Type.Object(waitSettings)

/** What a service cannot start without, and what its log says while that is away. */
const needs = {
  store: { away: 'the database does not answer', waiting: 'the database does not answer: waiting for it' },
  deployer: {
    away: 'the deployer did not set the installation up',
    waiting: 'the deployer did not set the installation up yet: waiting for it'
  }
}

export interface WaitOptions {
  config: Static<typeof WaitSettings> & { DATABASE_URL?: string }
  /** Where it says meanwhile how it is, and the setting that names the port; null: nowhere. */
  at: { host: string; port: number; setting: string } | null
  logger: Logger
  /** The process is to end. */
  stop: AbortSignal
}

const firstPauseMs = 100
const longestPauseMs = 2000
const tellEveryMs = 30_000

/**
 * Opens what a service cannot start without. While that is away it is tried again, and meanwhile `/healthz` is answered with 200, for the
 * process is well and nobody is to kill it, and all else with 503.
 *
 * @throws Failure `unavailable` when it was away for too long; whatever else `open` throws at once, for that will not go away: of a refusal
 *   with the reason that the server gave.
 */
export async function untilThere<T>(
  need: keyof typeof needs,
  open: () => Promise<T>,
  options: WaitOptions
): Promise<T> {
  const { config, at, logger, stop } = options
  // A file that cannot be opened does not come by waiting.
  const waitMs = need === 'store' && config.DATABASE_URL === undefined ? 0 : config.DATABASE_WAIT_MS
  const tryOnce = () => orAborted(open(), stop)
  try {
    return await tryOnce()
  } catch (err) {
    if (!isAway(err) || waitMs === 0) throw withReason(err)
    const startedAt = performance.now()
    const waitedMs = () => Math.round(performance.now() - startedAt)
    const probes = at === null ? null : await answerProbes(need, at, logger)
    try {
      const opened = await tryAgain(err)
      logger.info({ need, waitedMs: waitedMs() }, 'it is there: starting')
      return opened
    } finally {
      await probes?.close()
    }

    async function tryAgain(failure: Failure): Promise<T> {
      let away = failure
      let tellAt = 0
      for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
        const reason = reasonOf(away)
        if (waitedMs() + pauseMs > waitMs) {
          const message = `${needs[need].away}, and ${waitMs / 1000} s of waiting did not change that (${reason})`
          throw new Failure('unavailable', message, { cause: away })
        }
        if (waitedMs() >= tellAt) {
          logger.warn({ need, reason, waitedMs: waitedMs(), waitMs }, needs[need].waiting)
          tellAt = waitedMs() + tellEveryMs
        }
        await sleep(pauseMs, undefined, { signal: stop })
        try {
          return await tryOnce()
        } catch (err) {
          if (!isAway(err)) throw withReason(err)
          away = err
        }
      }
    }
  }
}

function isAway(err: unknown): err is Failure {
  return err instanceof Failure && err.code === 'unavailable'
}

function withReason(err: unknown): unknown {
  if (!(err instanceof Failure) || err.cause === undefined) return err
  return new Failure(err.code, `${err.message} (${reasonOf(err)})`, { cause: err.cause })
}

/** What the network or the server said, which has no password in it: an address, or why it is not ready yet. */
function reasonOf({ message, cause }: Failure): string {
  if (!(cause instanceof Error)) return message
  // Of a name with several addresses Node tells each one's failure, and has no message of its own.
  const [first] = cause instanceof AggregateError ? (cause.errors as unknown[]) : []
  return cause.message || (first instanceof Error ? first.message : message)
}

const probePaths = new Set(['/healthz', '/readyz'])

async function answerProbes(
  need: keyof typeof needs,
  { host, port, setting }: NonNullable<WaitOptions['at']>,
  logger: Logger
): Promise<FastifyInstance> {
  const app = createServer({ logger, needs: { [need]: () => Promise.reject(new Error('away')) } })
  app.addHook('onRequest', async ({ url }) => {
    const [path = ''] = url.split('?')
    if (!probePaths.has(path)) throw new Failure('unavailable', needs[need].waiting, { retryAfterMs: longestPauseMs })
  })
  await listenOn(app, { host, port }, setting)
  return app
}
