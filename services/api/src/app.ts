import cookie from '@fastify/cookie'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import { type InternalApi, Problem, type RouteContract, type RouteName, routes } from '@slipway/client'
import type { ForgeInstance, Store } from '@slipway/domain'
import type { Signals } from '@slipway/queue'
import { createRequestSignals, createServer, type Logger } from '@slipway/service'
import type { Uploads } from '@slipway/source'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { addAccess, inputOf, under } from './access.ts'
import { addBadgeRoute } from './badge.ts'
import { addCertificateRoutes } from './certificate-routes.ts'
import { addConnectPages } from './connect/pages.ts'
import { addDeployRoute } from './deploy-routes.ts'
import { createFeed } from './feed.ts'
import { addFeedRoute } from './feed-route.ts'
import { createForgeLinks } from './forge-links.ts'
import { createHandlers } from './handlers.ts'
import { createLookups, type HandlerDeps } from './handling.ts'
import { type Caller, createIdentify, type IdentifyDeps } from './identify.ts'
import { addLogRoutes } from './log-routes.ts'
import { addOpenFaasRoutes } from './openfaas/routes.ts'
import { addPageRoutes } from './page-routes.ts'
import { addReferenceRoutes } from './reference-routes.ts'
import { createRefusals } from './refusals.ts'
import { createCallerLimit, tooManyRequests } from './request-limit.ts'
import { createFindResource } from './resource.ts'
import { addSignInRoutes } from './sign-in/routes.ts'
import type { SignIn } from './sign-in/sign-in.ts'
import { createFindToken, createTokenUses } from './tokens.ts'
import { createViews } from './views.ts'

/** `findAccount`, `findSession`: in place of those of `signIn`. */
export interface ApiDeps
  extends Pick<IdentifyDeps, 'isAdministrator'>,
    Partial<Pick<IdentifyDeps, 'findAccount' | 'findSession'>> {
  signIn: SignIn
  store: Store
  internal: InternalApi
  signals: Signals
  givenUp: HandlerDeps['givenUp']
  gatewayUrl: string | null
  /** Where people reach our pages. */
  publicUrl(): string
  /** Of GitHub, which is connected by our pages. */
  githubId: string
  /** The forges that repositories are at: pages of commits and lines are linked. */
  forges: readonly ForgeInstance[]
  /** Where the built page is. */
  pageDirectory: string
  /** Folders that are deployed without git. */
  uploads: Pick<Uploads, 'receive' | 'read'>
  uploadLimitBytes: number
  /** Slipway's version, as OpenFaaS' clients are told. */
  release: string
  /** Requests that one address may make in a minute. */
  requestsPerMinute: number
  /** What these say of whom they had a request from is believed: addresses and networks. */
  trustedProxies?: string[]
  now: () => number
  logger: Logger
  /** Hears of every route as it is registered. */
  onRoute?: (route: RouteOptions) => void
}

/** The status API: every route of the contract, the streams, the badge and the document that describes them. */
export async function createApi(deps: ApiDeps): Promise<FastifyInstance> {
  const {
    store,
    internal,
    signals,
    givenUp,
    signIn,
    uploads,
    uploadLimitBytes,
    publicUrl,
    githubId,
    gatewayUrl,
    forges,
    pageDirectory,
    requestsPerMinute,
    release,
    trustedProxies = [],
    now,
    logger
  } = deps
  const { findSession = signIn.sessions.callerOf, findAccount = signIn.sessions.accountCaller } = deps
  const needs = { store: () => store.ping(), redis: () => signals.ping() }
  const app = createServer({
    logger,
    ...(deps.onRoute === undefined ? {} : { onRoute: deps.onRoute }),
    ...(trustedProxies.length === 0 ? {} : { fastify: { trustProxy: trustedProxies } }),
    needs,
    showError: ({ status, code, message }) => ({
      type: 'application/problem+json; charset=utf-8',
      body: { type: 'about:blank', title: code.replaceAll('-', ' '), status, detail: message, code }
    })
  })
  const signalOf = createRequestSignals(app)
  const views = createViews(store, gatewayUrl, createForgeLinks(forges), now)
  const handlers = createHandlers({
    store,
    internal,
    signals,
    givenUp,
    views,
    gatewayUrl,
    signIn,
    publicUrl,
    needs,
    now
  })

  const lookups = createLookups({ store, now })

  await app.register(cookie)
  await app.register(rateLimit, {
    max: requestsPerMinute,
    timeWindow: 60_000,
    errorResponseBuilder: (_request, { ttl }) => tooManyRequests(ttl, 'from this address')
  })
  await app.register(swagger, {
    // What has a name is called by it.
    refResolver: {
      buildLocalReference: ({ $id }, _uri, _fragment, at) => (typeof $id === 'string' ? $id : `Part${at}`)
    },
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Slipway status API',
        version: '1',
        description: 'What was pushed, what was built, what is live.'
      },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer' },
          session: { type: 'apiKey', in: 'cookie', name: '__Host-slipway' },
          password: { type: 'http', scheme: 'basic', description: 'any name, a token as the password' }
        }
      }
    }
  })

  const uses = createTokenUses(store, now, logger)
  app.addHook('onClose', () => uses.close())
  const identify = createIdentify({
    ...deps,
    findSession,
    findToken: createFindToken({ store, now, findAccount, uses })
  })
  const refusals = createRefusals({ audit: store.audit, now, logger })
  app.addHook('onClose', () => refusals.close())
  const findResource = createFindResource(store)
  const { callerOf, may } = addAccess(app, {
    identify,
    findResource,
    limit: createCallerLimit(app, requestsPerMinute),
    refused: refusals.note
  })

  for (const name of Object.keys(routes) as RouteName[]) {
    const contract: RouteContract = routes[name]
    const handle = handlers[name] as (input: unknown, caller: Caller, signal: AbortSignal) => Promise<unknown>
    app.route({
      method: contract.method,
      url: contract.path,
      ...under(contract.rule),
      ...(contract.bodyLimitBytes === undefined ? {} : { bodyLimit: contract.bodyLimitBytes }),
      schema: {
        operationId: name,
        summary: contract.summary,
        security: [{ token: [] }, { session: [] }],
        ...(contract.query === undefined ? {} : { querystring: contract.query }),
        ...(contract.body === undefined ? {} : { body: contract.body }),
        response: { 200: contract.response, default: Problem }
      },
      handler: (request, reply) => handle(inputOf(request), callerOf(request), signalOf(reply))
    })
  }
  addSignInRoutes(app, { ...signIn, store, now, logger, signalOf })
  addLogRoutes(app, { store, internal, signals, now, signalOf })
  const feed = createFeed({ store, signals, now, logger })
  app.addHook('onClose', () => feed.close())
  await addPageRoutes(app, pageDirectory)
  addFeedRoute(app, { feed, store, callerOf, signalOf })
  addDeployRoute(app, {
    store,
    signals,
    uploads,
    limitBytes: uploadLimitBytes,
    views,
    callerOf,
    note: lookups.note,
    now,
    signalOf
  })
  addOpenFaasRoutes(app, {
    store,
    internal,
    signals,
    uploads,
    handlers,
    lookups,
    findResource,
    release,
    now,
    callerOf,
    signalOf
  })
  addConnectPages(app, { internal, forgeId: githubId, signalOf, now })
  addBadgeRoute(app, store, { may })
  addCertificateRoutes(app, { store, internal, signalOf })
  addReferenceRoutes(app, publicUrl)
  return app
}
