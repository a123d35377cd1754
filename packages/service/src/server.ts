import { Failure, type SourceLocation } from '@slipway/domain'
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyServerOptions,
  LogController,
  type RouteOptions
} from 'fastify'
import type { Registry } from 'prom-client'
import { lazySchemas } from './lazy-schemas.ts'
import type { Logger } from './logger.ts'

export interface ServerOptions {
  logger: Logger
  /** What this service needs: each throws when it is away. Asked by `/readyz`. */
  needs?: Record<string, () => Promise<unknown>>
  /** Served at `/metrics`. */
  metrics?: Registry
  /** How an error is shown. Default: `{ code, message }` as JSON. */
  showError?: (told: ToldError) => { type: string; body: object }
  fastify?: FastifyServerOptions
  /** In PEM. Without it the server speaks plain HTTP. */
  certificate?: Certificate | null
  /** Hears of every route as it is registered, those of the server itself included. */
  onRoute?: (route: RouteOptions) => void
}

export interface Certificate {
  cert: string
  key: string
}

/** What whoever asked is told of an error. */
export interface ToldError {
  status: number
  code: string
  message: string
  /** Where in a repository it was found. */
  location?: SourceLocation
}

/** An HTTP server of ours: health, readiness, metrics, and one shape of error. */
export function createServer({
  logger,
  needs = {},
  metrics,
  showError = ({ code, message, location }) => ({
    type: 'application/json; charset=utf-8',
    body: { code, message, ...(location === undefined ? {} : { location }) }
  }),
  fastify = {},
  certificate = null,
  onRoute
}: ServerOptions): FastifyInstance {
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: 'idle',
    schemaController: lazySchemas(),
    ...fastify,
    ...(certificate === null ? {} : { https: certificate })
  }) as unknown as FastifyInstance

  if (onRoute !== undefined) app.addHook('onRoute', (route) => onRoute(route))
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
  function show(reply: FastifyReply, told: ToldError) {
    const { type, body } = showError(told)
    return reply.code(told.status).type(type).send(body)
  }
  app.setNotFoundHandler((request, reply) =>
    show(reply, {
      status: 404,
      code: 'not-found',
      message: `nothing is served at ${request.method} ${request.url.split('?')[0]}`
    })
  )
  app.setErrorHandler((err: FastifyError | Failure | Error, request, reply) => {
    const told = describeError(err)
    if (told.status >= 500) request.log.error({ err, url: request.url.split('?')[0] }, 'request failed')
    const retryAfterMs = err instanceof Failure ? err.retryAfterMs : undefined
    if (retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(retryAfterMs / 1000))
    return show(reply, told)
  })
  return app
}

/**
 * Listens, and says where.
 *
 * @param setting that names the port
 * @throws Failure `invalid-configuration` where it cannot: somebody else has the port, or the address is none of this machine's
 */
export async function listenOn(
  app: FastifyInstance,
  where: { host: string; port: number; reusePort?: boolean },
  setting: string
): Promise<string> {
  try {
    return await app.listen(where)
  } catch (err) {
    if (!(err instanceof Error && 'syscall' in err)) throw err
    const message = `cannot listen on ${where.host} port ${where.port} (${err.message}): set another ${setting}`
    throw new Failure('invalid-configuration', message, { cause: err })
  }
}

const fastifyCodes: Record<number, string> = {
  400: 'invalid-request',
  408: 'request-timeout',
  413: 'payload-too-large',
  415: 'unsupported-media-type',
  429: 'too-many-requests'
}

/** How an error is told to whoever asked. What was not foreseen is not described: it may hold anything. */
function describeError(err: FastifyError | Failure | Error): ToldError {
  if (err instanceof Failure) {
    const { statusCode: status, code, message, location } = err
    return { status, code, message, ...(location === undefined ? {} : { location }) }
  }
  const status = 'statusCode' in err && typeof err.statusCode === 'number' ? err.statusCode : 500
  if (status >= 500) return { status: 500, code: 'internal', message: 'internal error: see the log of the service' }
  return { status, code: fastifyCodes[status] ?? 'invalid-request', message: err.message }
}
