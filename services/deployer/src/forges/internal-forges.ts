import { type ForgeHealth, internalForgePaths as paths } from '@slipway/client'
import type { ForgeApp } from '@slipway/domain'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { type Connect, modeFor, type PublicAddresses, webhookUrlOf } from './connect.ts'
import type { ConnectGitLab } from './connect-gitlab.ts'
import type { FollowedForges } from './followed-forges.ts'
import { checkForge } from './health.ts'
import type { ForgeRotation } from './rotation.ts'

export interface InternalForgesDeps {
  /** The forge delivers after all. */
  noteActive(app: ForgeApp): Promise<void>
  connect: Connect
  connectGitLab: ConnectGitLab
  /** Knows a repository from now on, and has its production branch built. */
  connectRepository(forgeId: string, forgeRepositoryId: string, signal: AbortSignal): Promise<void>
  rotation: ForgeRotation
  followed: Pick<FollowedForges, 'forges' | 'isConfigured' | 'app'>
  addresses: PublicAddresses
  lookForInstallations(forgeId: string): void
  now: () => number
}

const Text = Type.String({ minLength: 1, maxLength: 2000 })
const nullable = <S extends Type.TSchema>(schema: S) => Type.Union([schema, Type.Null()])
const BeginBody = Type.Object({
  organization: nullable(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$' })),
  url: nullable(Type.String({ pattern: '^https?://[^/?#\\s@]+[^?#\\s@]*$' })),
  replace: Type.Boolean(),
  isPublic: Type.Boolean(),
  pagesUrl: Text,
  by: Text
})
const ProjectBody = Type.Object({
  project: Text,
  token: nullable(Text),
  url: nullable(Type.String({ pattern: '^https?://[^/?#\\s@]+[^?#\\s@]*$' })),
  replace: Type.Boolean()
})
const StateBody = Type.Object({ state: Text })
const ConvertBody = Type.Object({ state: Text, code: Text })
const KeyBody = Type.Object({ pem: Type.String({ maxLength: 20_000 }) })
type OfForge = { Params: { id: string } }

/** How long an answer of the forge is shown without asking again. */
const freshMs = 30_000
/** While an App is not installed anywhere yet: somebody is about to, and looks on. */
const waitingMs = 2000

function freshFor({ app, installations }: ForgeHealth): number {
  return app !== null && installations.length === 0 ? waitingMs : freshMs
}

/** What concerns forges and their Apps: only here are their credentials. */
export function addForgeRoutes(
  app: FastifyInstance,
  deps: InternalForgesDeps,
  signalOf: (reply: FastifyReply) => AbortSignal
): void {
  const { noteActive, connect, rotation, followed, addresses, lookForInstallations, now } = deps
  app.post<{ Body: Static<typeof ProjectBody> }>(
    paths.project,
    { schema: { body: ProjectBody } },
    async ({ body }, reply) => {
      const { forgeRepositoryId, ...done } = await deps.connectGitLab(body, signalOf(reply))
      const isKept = done.problems.every(({ what }) => what !== 'permissions')
      if (isKept) await deps.connectRepository(done.forgeId, forgeRepositoryId, signalOf(reply))
      return done
    }
  )
  app.post<{ Body: Static<typeof BeginBody> }>(paths.begin, { schema: { body: BeginBody } }, ({ body }) =>
    connect.begin(body)
  )
  app.post<{ Body: Static<typeof StateBody> }>(paths.form, { schema: { body: StateBody } }, ({ body }) =>
    connect.form(body.state)
  )
  app.post<{ Body: Static<typeof ConvertBody> }>(
    paths.convert,
    { schema: { body: ConvertBody } },
    async ({ body }, reply) => {
      // Somebody who leaves the page must not make us lose what the forge gives only once.
      signalOf(reply)
      return connect.convert(body.state, body.code, AbortSignal.timeout(60_000))
    }
  )
  app.post<OfForge>(paths.look, async ({ params }) => {
    lookForInstallations(params.id)
    return {}
  })
  app.post<OfForge>(paths.rotateWebhookSecret, async ({ params }) => {
    // Half of the webhooks with another secret is nothing to leave because somebody does not wait.
    return rotation.webhookSecret(params.id, AbortSignal.timeout(600_000))
  })
  app.put<OfForge & { Body: Static<typeof KeyBody> }>(
    paths.appKey,
    { schema: { body: KeyBody } },
    async ({ params, body }, reply) => {
      const { slug, htmlUrl } = await rotation.privateKey(params.id, body.pem, signalOf(reply))
      return { slug, htmlUrl }
    }
  )

  const seen = new Map<string, ForgeHealth>()
  async function healthOf(forgeId: string, isFresh: boolean, signal: AbortSignal) {
    const kept = followed.app(forgeId)
    const forge = followed.forges.get(forgeId)
    if (forge === undefined) return null
    const known = seen.get(forgeId)
    if (!isFresh && known !== undefined && now() - known.checkedAt < freshFor(known)) return known
    const { kind, baseUrl } = forge.instance
    const mode = modeFor(addresses, baseUrl, kept)
    // Also where the hook is still to be made active.
    const isReached = modeFor(addresses, baseUrl, null).mode === 'webhooks'
    const webhookUrl = isReached ? webhookUrlOf(addresses, forgeId) : null
    const found = await checkForge({ forge, app: kept, webhookUrl }, signal)
    const status = found.lastAttempt?.statusCode ?? 0
    if (kept !== null && !kept.isHookActive && status >= 200 && status < 300) await noteActive(kept)
    const source = followed.isConfigured(forgeId) ? ('settings' as const) : ('connected' as const)
    const health: ForgeHealth = { forgeId, kind, url: baseUrl, source, ...mode, webhookUrl, ...found, checkedAt: now() }
    seen.set(forgeId, health)
    return health
  }

  app.get<{ Querystring: { fresh?: string } }>(paths.health, async ({ query }, reply) => {
    const ids = [...followed.forges.keys()]
    const all = ids.map((id) => healthOf(id, query.fresh === 'true', signalOf(reply)))
    return (await Promise.all(all)).filter((one) => one !== null)
  })
}
