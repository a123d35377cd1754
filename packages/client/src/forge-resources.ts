import { ForgeKind } from '@slipway/domain'
import Type, { type Static } from 'typebox'

const nullable = <S extends Type.TSchema>(schema: S) => Type.Union([schema, Type.Null()])

/** Something that is wrong between a forge and this installation, and what to do. */
export const ForgeProblem = Type.Object({
  what: Type.Enum([
    'forge',
    'credentials',
    'permissions',
    'events',
    'installation',
    'hook',
    'secret',
    'address',
    'dns',
    'tls',
    'delivery'
  ]),
  message: Type.String(),
  fix: Type.String()
})
export interface ForgeProblem {
  what:
    | 'forge'
    | 'credentials'
    | 'permissions'
    | 'events'
    | 'installation'
    | 'hook'
    | 'secret'
    | 'address'
    | 'dns'
    | 'tls'
    | 'delivery'
  message: string
  fix: string
}

/** A forge and how it stands with it. */
export const ForgeHealth = Type.Object({
  forgeId: Type.String(),
  kind: ForgeKind,
  url: Type.String(),
  source: Type.Union([Type.Literal('settings'), Type.Literal('connected')], {
    description: 'where its credentials are: in the environment, or kept here since it was connected'
  }),
  mode: Type.Union([Type.Literal('webhooks'), Type.Literal('polling')]),
  reason: nullable(Type.String({ description: 'why it is asked instead of delivering' })),
  webhookUrl: nullable(Type.String()),
  app: nullable(
    Type.Object({
      id: Type.String(),
      slug: Type.String(),
      owner: Type.String(),
      url: Type.String(),
      installUrl: Type.String(),
      settingsUrl: Type.String()
    })
  ),
  installations: Type.Array(Type.Object({ login: Type.String(), isSuspended: Type.Boolean() })),
  /** What the forge last tried to deliver. */
  lastAttempt: nullable(
    Type.Object({
      deliveredAt: Type.Integer(),
      eventName: Type.String(),
      statusCode: Type.Integer(),
      status: Type.String()
    })
  ),
  problems: Type.Array(ForgeProblem),
  limits: Type.Array(
    Type.Object({ whose: Type.String(), remaining: Type.Integer(), limit: Type.Integer(), resetAt: Type.Integer() }),
    { description: "what is left of the forge's limits of the rate; empty: it tells none, or nothing was asked lately" }
  ),
  lastError: nullable(
    Type.Object(
      { at: Type.Integer(), message: Type.String() },
      { description: 'the newest call that it refused or left unanswered, since the deployer that was asked began' }
    )
  ),
  checkedAt: Type.Integer()
})
export type ForgeHealth = Omit<Static<typeof ForgeHealth>, 'problems'> & { problems: ForgeProblem[] }

/** A project that was connected by a token, with a webhook of its own. */
export const ConnectedProject = Type.Object({
  forgeId: Type.String(),
  project: Type.String({ description: 'its whole path' }),
  account: Type.String({ description: 'whose token it is' }),
  mode: Type.Union([Type.Literal('webhooks'), Type.Literal('polling')]),
  reason: nullable(Type.String({ description: 'why it is asked instead of delivering' })),
  webhookUrl: nullable(Type.String()),
  hook: nullable(Type.Union([Type.Literal('made'), Type.Literal('renewed')])),
  isDelivered: Type.Boolean({ description: 'the forge was asked to deliver the newest push, and it arrived' }),
  problems: Type.Array(ForgeProblem)
})
export type ConnectedProject = Omit<Static<typeof ConnectedProject>, 'problems'> & { problems: ForgeProblem[] }

/** Webhooks that have another secret. */
export const RotatedWebhooks = Type.Object({
  projects: Type.Array(Type.String(), {
    description: 'whose webhooks were changed one by one, where each has its own'
  }),
  problems: Type.Array(ForgeProblem, {
    description: 'webhooks that were not: as long as there are some, the former secret is accepted'
  })
})
export interface RotatedWebhooks {
  projects: string[]
  problems: ForgeProblem[]
}

/** How pushes of one repository are heard of. */
export const RepositoryHealthView = Type.Object(
  {
    /** null: it is at no forge that is configured. */
    mode: nullable(Type.Union([Type.Literal('webhooks'), Type.Literal('polling')])),
    reason: nullable(Type.String({ description: 'why it is asked instead of delivering' })),
    /** The newest delivery of it that arrived here. */
    lastDelivery: nullable(
      Type.Object({ eventName: Type.String(), outcome: Type.String(), receivedAt: Type.Integer() })
    ),
    /** What to do stands there for administrators of the installation only: it may name other owners. */
    problems: Type.Array(ForgeProblem),
    checkedAt: nullable(Type.Integer())
  },
  { $id: 'RepositoryHealth' }
)
export type RepositoryHealthView = Omit<Static<typeof RepositoryHealthView>, 'problems'> & { problems: ForgeProblem[] }

/** An attempt to connect a forge. */
export const ForgeConnectionView = Type.Object({
  id: Type.String(),
  forgeId: Type.String(),
  status: Type.Union([
    Type.Literal('started'),
    Type.Literal('converting'),
    Type.Literal('connected'),
    Type.Literal('failed')
  ]),
  reason: nullable(Type.String()),
  expiresAt: Type.Integer()
})
