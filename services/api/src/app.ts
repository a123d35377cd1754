import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import { type InternalApi, Problem, type RouteContract, type RouteName, routes } from '@slipway/client'
import { Failure, type Store } from '@slipway/domain'
import type { Signals } from '@slipway/queue'
import { createRequestSignals, createServer, type Logger } from '@slipway/service'
import type { FastifyInstance } from 'fastify'
import { addBadgeRoute } from './badge.ts'
import { addCertificateRoutes, certificatePaths } from './certificate-routes.ts'
import { createHandlers } from './handlers.ts'
import type { Actor } from './handling.ts'
import { addLogRoutes } from './log-routes.ts'
import { createViews } from './views.ts'

export interface ApiDeps {
  store: Store
  internal: InternalApi
  signals: Signals
  isAdministrator(authorization: string | undefined): boolean
  gatewayUrl: string | null
  /** Requests that one address may make in a minute. */
  requestsPerMinute: number
  now: () => number
  logger: Logger
}

/** The status API: every route of the contract, the streams, the badge and the document that describes them. */
export async function createApi(deps: ApiDeps): Promise<FastifyInstance> {
  const { store, internal, signals, isAdministrator, gatewayUrl, requestsPerMinute, now, logger } = deps
  const app = createServer({
    logger,
    needs: { store: () => store.ping(), redis: () => signals.ping() },
    showError: ({ status, code, message }) => ({
      type: 'application/problem+json; charset=utf-8',
      body: { type: 'about:blank', title: code.replaceAll('-', ' '), status, detail: message, code }
    })
  })
  const signalOf = createRequestSignals(app)
  const views = createViews(store, gatewayUrl)
  const handlers = createHandlers({ store, internal, signals, views, now })
  const administrator: Actor = { name: 'administrator' }

  await app.register(rateLimit, {
    max: requestsPerMinute,
    timeWindow: 60_000,
    errorResponseBuilder: (_request, { ttl }) =>
      new Failure('too-many-requests', `too many requests from this address: try again in ${Math.ceil(ttl / 1000)} s`, {
        retryAfterMs: ttl
      })
  })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Slipway status API',
        version: '1',
        description: 'What was pushed, what was built, what is live.'
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } }
    }
  })

  // Denied unless the route says that it is public.
  app.addHook('onRequest', async (request, reply) => {
    if (publicPaths.has(request.routeOptions.url ?? '')) return
    reply.header('cache-control', 'private, no-store')
    if (!isAdministrator(request.headers.authorization)) {
      throw new Failure(
        'unauthenticated',
        'send "Authorization: Bearer <token>" with the administrator token (in the file admin-token of the state directory)'
      )
    }
  })

  for (const name of Object.keys(routes) as RouteName[]) {
    const contract: RouteContract = routes[name]
    const handle = handlers[name] as (input: unknown, actor: Actor, signal: AbortSignal) => Promise<unknown>
    app.route({
      method: contract.method,
      url: contract.path,
      ...(contract.bodyLimitBytes === undefined ? {} : { bodyLimit: contract.bodyLimitBytes }),
      schema: {
        operationId: name,
        summary: contract.summary,
        security: [{ token: [] }],
        ...(contract.query === undefined ? {} : { querystring: contract.query }),
        ...(contract.body === undefined ? {} : { body: contract.body }),
        response: { 200: contract.response, default: Problem }
      },
      handler: (request, reply) =>
        handle(
          { ...part(request.query), ...part(request.body), ...part(request.params) },
          administrator,
          signalOf(reply)
        )
    })
  }
  addLogRoutes(app, { store, internal, signals, now, signalOf })
  addBadgeRoute(app, store)
  addCertificateRoutes(app, { store, internal, signalOf })
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, () => app.swagger())
  return app
}

/** Everything else needs the token. */
const publicPaths = new Set<string>([
  '/healthz',
  '/readyz',
  '/api/v1/openapi.json',
  '/badge/:owner/:file',
  ...certificatePaths
])

function part(value: unknown): Record<string, unknown> {
  return (value ?? {}) as Record<string, unknown>
}
