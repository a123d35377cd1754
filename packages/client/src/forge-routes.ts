import Type from 'typebox'
import { Done } from './done.ts'
import {
  ConnectedProject,
  ForgeConnectionView,
  ForgeHealth,
  RepositoryHealthView,
  RotatedWebhooks
} from './forge-resources.ts'
import type { RouteContract } from './route-contract.ts'

const nullable = <S extends Type.TSchema>(schema: S) => Type.Union([schema, Type.Null()])

/** Forges: connecting them, how it stands with them, and new keys for them. */
export const forgeRoutes = {
  connectGitHub: {
    method: 'POST',
    path: '/api/v1/connect/github',
    rule: { action: 'administer', on: 'platform' },
    summary: 'Begin to connect GitHub: gives the address of a page where an App is made and installed',
    body: Type.Object({
      organization: Type.Optional(
        Type.String({
          pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$',
          description: 'whose App it is to be; without it, of who opens the page'
        })
      ),
      url: Type.Optional(
        Type.String({ pattern: '^https?://[^/?#\\s@]+[^?#\\s@]*$', description: 'of a GitHub Enterprise Server' })
      ),
      replace: Type.Optional(Type.Boolean({ description: 'put it in the place of the App that is connected' })),
      isPublic: Type.Optional(Type.Boolean({ description: 'others than its owner may install it, too' }))
    }),
    response: Type.Object({
      id: Type.String(),
      address: Type.String({ description: 'for a browser; good once, for an hour' }),
      expiresAt: Type.Integer(),
      mode: Type.Union([Type.Literal('webhooks'), Type.Literal('polling')]),
      reason: nullable(Type.String())
    })
  },
  connectGitLab: {
    method: 'POST',
    path: '/api/v1/connect/gitlab',
    rule: { action: 'administer', on: 'platform' },
    summary: 'Connect a project of GitLab: makes its webhook, keeps the token, and has GitLab try the webhook',
    body: Type.Object({
      project: Type.String({ pattern: '^[^/\\s]+(/[^/\\s]+)+$', maxLength: 500, description: 'group/project' }),
      token: Type.Optional(
        Type.String({
          pattern: '^[\\x21-\\x7e]+$',
          maxLength: 500,
          description: 'scope api, of a Maintainer; not needed where one is kept already'
        })
      ),
      url: Type.Optional(
        Type.String({ pattern: '^https?://[^/?#\\s@]+[^?#\\s@]*$', description: 'of a GitLab of your own' })
      ),
      replace: Type.Optional(Type.Boolean({ description: 'put the token in the place of the one that is kept' }))
    }),
    response: ConnectedProject
  },
  getForgeConnection: {
    method: 'GET',
    path: '/api/v1/connect/:id',
    rule: { action: 'see-platform', on: 'platform' },
    summary: 'How far an attempt to connect a forge is',
    response: ForgeConnectionView
  },
  listForges: {
    method: 'GET',
    path: '/api/v1/forges',
    rule: { action: 'see-platform', on: 'platform' },
    summary: 'Forges, and what is wrong between them and this installation',
    query: Type.Object({
      fresh: Type.Optional(Type.Boolean({ default: false, description: 'ask them now, not only every half minute' }))
    }),
    response: Type.Object({
      items: Type.Array(
        Type.Object({
          ...ForgeHealth.properties,
          /** The newest delivery that arrived here. */
          lastDelivery: nullable(
            Type.Object({ eventName: Type.String(), outcome: Type.String(), receivedAt: Type.Integer() })
          )
        })
      )
    })
  },
  getRepositoryHealth: {
    method: 'GET',
    path: '/api/v1/repositories/:id/health',
    rule: { action: 'see-delivery', on: 'repository' },
    summary: 'How pushes of a repository are heard of, what came last, and what is wrong on the way',
    response: RepositoryHealthView
  },
  rotateWebhookSecret: {
    method: 'POST',
    path: '/api/v1/forges/:forge/webhook-secret/rotation',
    rule: { action: 'administer', on: 'platform' },
    summary: 'Give the webhooks another secret; the former one is accepted for another day',
    response: Type.Object({ ...Done.properties, ...RotatedWebhooks.properties })
  },
  replaceAppKey: {
    method: 'PUT',
    path: '/api/v1/forges/:forge/app-key',
    rule: { action: 'administer', on: 'platform' },
    summary: "Use another private key of the App, which was made on the App's page",
    body: Type.Object({ key: Type.String({ minLength: 1, maxLength: 20_000, description: 'PEM' }) }),
    response: Done
  }
} as const satisfies Record<string, RouteContract>
