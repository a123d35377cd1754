import { Failure } from '@slipway/domain'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyServerOptions, LogController } from 'fastify'
import type { Registry } from 'prom-client'
import type { Logger } from './logger.ts'

export interface ServerOptions {
  logger: Logger
  /** What this service needs: each throws when it is away. Asked by `/readyz`. */
  needs?: Record<string, () => Promise<unknown>>
  /** Served at `/metrics`. */
  metrics?: Registry
  fastify?: FastifyServerOptions
}

/** An HTTP server of ours: health, readiness, metrics, and one shape of error. */
export function createServer({ logger, needs = {}, metrics, fastify = {} }: ServerOptions): FastifyInstance {
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: 'idle',
    ...fastify
  }) as unknown as FastifyInstance

  app.get('/healthz', () => ({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    const answers = await Promise.allSettled(Object.values(needs).map((ask) => ask()))
    const missing = Object.keys(needs).filter((_name, i) => answers[i]?.status === 'rejected')
    if (missing.length > 0) reply.code(503)
    return missing.length > 0 ? { status: 'unavailable', missing } : { status: 'ok' }
  })
  if (metrics !== undefined) {
    app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()))
  }
  app.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .send({ code: 'not-found', message: `nothing is served at ${request.method} ${request.url.split('?')[0]}` })
  )
  app.setErrorHandler((err: FastifyError | Failure | Error, request, reply) => {
    const { status, code, message } = describeError(err)
    if (status >= 500) request.log.error({ err, url: request.url.split('?')[0] }, 'request failed')
    const retryAfterMs = err instanceof Failure ? err.retryAfterMs : undefined
    if (retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(retryAfterMs / 1000))
    return reply.code(status).send({ code, message })
  })
  return app
}

const fastifyCodes: Record<number, string> = {
  400: 'invalid-request',
  408: 'request-timeout',
  413: 'payload-too-large',
  415: 'unsupported-media-type',
  429: 'too-many-requests'
}

/** How an error is told to whoever asked. What was not foreseen is not described: it may hold anything. */
export function describeError(err: FastifyError | Failure | Error): { status: number; code: string; message: string } {
  if (err instanceof Failure) return { status: err.statusCode, code: err.code, message: err.message }
  const status = 'statusCode' in err && typeof err.statusCode === 'number' ? err.statusCode : 500
  if (status >= 500) return { status: 500, code: 'internal', message: 'internal error: see the log of the service' }
  return { status, code: fastifyCodes[status] ?? 'invalid-request', message: err.message }
}
