import { timingSafeEqual } from 'node:crypto'
import { Readable } from 'node:stream'
import { internalPaths } from '@slipway/client'
import { type Cluster, type Deployment, Failure, type ForgeApi, type Store } from '@slipway/domain'
import { type Certificate, createRequestSignals, createServer, type Logger } from '@slipway/service'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import type { createCheckParts } from './check-parts.ts'
import type { CleanUp } from './clean-up.ts'
import { addForgeRoutes, type InternalForgesDeps } from './forges/internal-forges.ts'
import { addSinkRoutes } from './notifications/internal-sinks.ts'
import type { Scaling } from './scaling/scaling.ts'
import { addSecretRoutes, type InternalSecretsDeps } from './secrets/internal-secrets.ts'
import { redactLines } from './secrets/redact-lines.ts'
import type { Redactors } from './secrets/redactors.ts'

export interface InternalDeps {
  store: Pick<Store, 'repositories' | 'deployments' | 'functions' | 'builds' | 'owners' | 'secrets' | 'notifications'>
  forges: Map<string, ForgeApi>
  cluster: Cluster
  scaling: Pick<Scaling, 'choose'>
  cleanUp: Pick<CleanUp, 'run'>
  checkParts: ReturnType<typeof createCheckParts>
  token: string
  secrets: Omit<InternalSecretsDeps, 'store' | 'redactors'>
  /** What is asked about forges and their Apps. */
  forgeAdministration: InternalForgesDeps
  /** Addresses of this machine may be told of what happens, too. */
  isLoopbackTold: boolean
  redactors: Redactors
  /** Does the registry have it? */
  hasImage(pinned: string, signal: AbortSignal): Promise<boolean>
  routesChanged(): void
  now: () => number
  logger: Logger
  certificate: Certificate | null
}

/** What the other services may ask: one-repository read tokens, and the cluster. Not reachable from outside, and authenticated all the same. */
export function createInternal({
  store,
  forges,
  cluster,
  scaling,
  cleanUp,
  checkParts,
  token,
  secrets,
  forgeAdministration,
  isLoopbackTold,
  redactors,
  hasImage,
  routesChanged,
  now,
  logger,
  certificate
}: InternalDeps): FastifyInstance {
  const app = createServer({ logger, certificate })
  const expected = Buffer.from(`Bearer ${token}`)

  app.addHook('onRequest', async (request) => {
    const given = Buffer.from(request.headers.authorization ?? '')
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new Failure('unauthenticated', "the internal API needs the installation's internal token")
    }
  })

  const signalOf = createRequestSignals(app)

  async function deploymentOf(id: string): Promise<Deployment> {
    const deployment = await store.deployments.get(id)
    if (deployment === null) throw new Failure('not-found', `there is no deployment ${id}`)
    return deployment
  }

  app.post<{ Params: { id: string } }>(internalPaths.credential, async (request, reply) => {
    const repository = await store.repositories.get(request.params.id)
    const forge = repository === null ? undefined : forges.get(repository.forgeId)
    if (repository === null || repository.disconnectedAt !== null || forge === undefined) {
      throw new Failure('not-found', 'the repository is not connected any more')
    }
    const credential = await forge.readCredential(repository, signalOf(reply))
    return { cloneUrl: forge.cloneUrl(repository), credential }
  })

  app.get<{ Querystring: { pinned: string } }>(
    internalPaths.image,
    { schema: { querystring: Type.Object({ pinned: Type.String() }) } },
    async (request, reply) => ({ isThere: await hasImage(request.query.pinned, signalOf(reply)) })
  )

  app.get<{ Querystring: { probe: string } }>(internalPaths.parts, async (request, reply) =>
    checkParts(request.query.probe === 'true', signalOf(reply))
  )

  app.get(internalPaths.list, async (_request, reply) => cluster.list(signalOf(reply)))

  const Wanted = Type.Object({
    replicas: Type.Integer({ minimum: 0, maximum: 100 }),
    // A version before says nothing of it.
    by: Type.Enum(['hand', 'alert', 'nobody'], { default: 'hand' })
  })
  app.post<{ Params: { id: string }; Body: Static<typeof Wanted> }>(
    internalPaths.scale,
    { schema: { body: Wanted } },
    async ({ params, body: { replicas, by } }, reply) =>
      scaling.choose(params.id, replicas, by === 'alert' ? 'load' : by, signalOf(reply))
  )

  app.delete<{ Params: { id: string; name: string } }>(internalPaths.remove, async (request) => {
    const { id: ownerId, name } = request.params
    await store.functions.remove(ownerId, name, now())
    routesChanged()
    return {}
  })

  app.post<{ Body: { builders: boolean } }>(
    internalPaths.cleanUp,
    { schema: { body: Type.Object({ builders: Type.Boolean() }) } },
    (request, reply) => cleanUp.run(request.body, signalOf(reply))
  )

  app.get<{ Params: { id: string }; Querystring: { follow?: string; since?: string; tail?: string } }>(
    internalPaths.logs,
    async (request, reply) => {
      const { follow, since, tail } = request.query
      const options = {
        follow: follow === 'true',
        since: since === undefined ? null : Number(since),
        tail: tail === undefined ? null : Number(tail)
      }
      const { id, ownerId } = await deploymentOf(request.params.id)
      const lines = redactLines(cluster.logs(id, options, signalOf(reply)), await redactors.of(ownerId))
      async function* ndjson() {
        for await (const line of lines) yield `${JSON.stringify(line)}\n`
      }
      return reply.header('connection', 'close').type('application/x-ndjson').send(Readable.from(ndjson()))
    }
  )
  addForgeRoutes(app, forgeAdministration, signalOf)
  addSinkRoutes(app, { store, encryption: secrets.encryption, isLoopbackAllowed: isLoopbackTold, now })
  addSecretRoutes(app, { store, redactors, ...secrets })
  return app
}
