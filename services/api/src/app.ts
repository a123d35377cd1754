import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import { type InternalApi, LogChunk, Problem, type RouteContract, type RouteName, routes } from '@slipway/client'
import { Failure, type Store } from '@slipway/domain'
import type { Signals } from '@slipway/queue'
import { createServer, type Logger } from '@slipway/service'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { badgeSvg } from './badge.ts'
import { type Actor, createHandlers } from './handlers.ts'
import { readLog } from './logs.ts'
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
          signalOf(reply.raw)
        )
    })
  }
  addLogs(app, { store, internal, signals, now })
  addBadge(app, store)
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, () => app.swagger())
  return app
}

/** Everything else needs the token. */
const publicPaths = new Set(['/healthz', '/readyz', '/api/v1/openapi.json', '/badge/:owner/:file'])

function part(value: unknown): Record<string, unknown> {
  return (value ?? {}) as Record<string, unknown>
}

/** Aborts when the caller goes away. */
function signalOf(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  return gone.signal
}

/** Keeps proxies from closing a quiet stream. */
const heartbeatMs = 15_000

/** Frames what comes as server-sent events, with a heartbeat while nothing does, and `end` at the end. */
function sseOf<T>(items: AsyncIterable<T>, idOf: (item: T) => number | null): Readable {
  const stream = new Readable({ read() {} })
  const timer = setInterval(() => stream.push(': still here\n\n'), heartbeatMs)
  stream.once('close', () => clearInterval(timer))
  async function pump(): Promise<void> {
    for await (const item of items) {
      const id = idOf(item)
      stream.push(`${id === null ? '' : `id: ${id}\n`}data: ${JSON.stringify(item)}\n\n`)
    }
    stream.push('event: end\ndata: {}\n\n')
    stream.push(null)
  }
  pump().catch((err: Error) => stream.destroy(err))
  return stream
}

function wantsEvents(request: FastifyRequest): boolean {
  return (request.headers.accept ?? '').includes('text/event-stream')
}

const LogQuery = Type.Object({
  after: Type.Integer({ minimum: 0, default: 0, description: 'chunks up to this one are known' }),
  follow: Type.Boolean({ default: false })
})
const RuntimeLogQuery = Type.Object({
  follow: Type.Boolean({ default: false }),
  since: Type.Optional(Type.Integer({ minimum: 0 })),
  tail: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 }))
})

function addLogs(
  app: FastifyInstance,
  { store, internal, signals, now }: Pick<ApiDeps, 'store' | 'internal' | 'signals' | 'now'>
): void {
  const security = [{ token: [] }]
  const description =
    'Plain text, or server-sent events with "Accept: text/event-stream": `id` is the offset to go on from.'

  app.get<{ Params: { id: string }; Querystring: { after: number; follow: boolean } }>(
    '/api/v1/builds/:id/log',
    { schema: { operationId: 'getBuildLog', summary: "A build's log", description, security, querystring: LogQuery } },
    async (request, reply) => {
      const { id } = request.params
      if ((await store.builds.get(id)) === null) throw new Failure('not-found', `there is no build ${id}`)
      const lastEventId = Number(request.headers['last-event-id'])
      const after = Number.isSafeInteger(lastEventId) ? lastEventId : request.query.after
      const chunks = readLog({ store, signals, now }, id, { after, follow: request.query.follow }, signalOf(reply.raw))
      if (wantsEvents(request)) return reply.type('text/event-stream').send(sseOf(chunks, (chunk) => chunk.seq))
      return reply.type('text/plain; charset=utf-8').send(Readable.from(textOf(chunks)))
    }
  )

  app.get<{ Params: { owner: string; name: string }; Querystring: { follow: boolean; since?: number; tail?: number } }>(
    '/api/v1/functions/:owner/:name/log',
    {
      schema: {
        operationId: 'getFunctionLog',
        summary: 'What the live replicas print',
        description,
        security,
        querystring: RuntimeLogQuery
      }
    },
    async (request, reply) => {
      const owner = await store.owners.findBySlug(request.params.owner)
      const record = owner === null ? null : await store.functions.get(owner.id, request.params.name)
      if (record?.liveDeploymentId == null)
        throw new Failure('not-found', `${request.params.owner} has no live function ${request.params.name}`)
      const { follow, since = null, tail = null } = request.query
      const lines = internal.logs(record.liveDeploymentId, { follow, since, tail }, signalOf(reply.raw))
      if (wantsEvents(request)) return reply.type('text/event-stream').send(sseOf(lines, () => null))
      async function* text() {
        for await (const line of lines) yield `${new Date(line.at).toISOString()} ${line.instance} ${line.text}\n`
      }
      return reply.type('text/plain; charset=utf-8').send(Readable.from(text()))
    }
  )
}

async function* textOf(chunks: AsyncIterable<LogChunk>): AsyncIterable<string> {
  for await (const { step, functionName, text } of chunks) {
    const mark = functionName === null ? step : `${step} ${functionName}`
    yield text
      .split('\n')
      .map((line) => `[${mark}] ${line}\n`)
      .join('')
  }
}

function addBadge(app: FastifyInstance, store: Store): void {
  app.get<{ Params: { owner: string; file: string } }>(
    '/badge/:owner/:file',
    { schema: { operationId: 'getBadge', summary: "A function's state as SVG; private repositories' are unknown" } },
    async (request, reply) => {
      const name = request.params.file.replace(/\.svg$/, '')
      reply.type('image/svg+xml').header('cache-control', 'no-cache')
      return badgeSvg(name, await stateOf(store, request.params.owner, name))
    }
  )
}

/** Strangers may ask: a private repository's function looks like one that does not exist. */
async function stateOf(store: Store, slug: string, name: string): Promise<string> {
  const owner = await store.owners.findBySlug(slug)
  const record = owner === null ? null : await store.functions.get(owner.id, name)
  const repository = record?.repositoryId == null ? null : await store.repositories.get(record.repositoryId)
  if (record === null || repository === null || repository.isPrivate) return 'unknown'
  if (record.isPaused) return 'paused'
  const [last] = await store.builds.list(record.ownerId, { repositoryId: repository.id }, { before: null, limit: 1 })
  if (last?.status === 'failed' || last?.status === 'error') return 'failing'
  if (last?.status === 'building' || last?.status === 'deploying') return 'building'
  return record.liveDeploymentId === null ? 'unknown' : 'live'
}
