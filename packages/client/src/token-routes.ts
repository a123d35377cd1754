import Type, { type Static } from 'typebox'
import { Done } from './done.ts'
import type { RouteContract } from './route-contract.ts'

export const Scope = Type.Enum(['read', 'deploy', 'admin'], {
  description:
    'read: see; deploy: also build, cancel, roll back, pause, scale; admin: also secrets, variables, settings, tokens'
})

export const TokenView = Type.Object(
  {
    id: Type.String(),
    owner: Type.String(),
    name: Type.String(),
    scope: Scope,
    createdBy: Type.String(),
    createdAt: Type.Integer(),
    expiresAt: Type.Integer(),
    /** To the minute; null: never. */
    lastUsedAt: Type.Union([Type.Integer(), Type.Null()])
  },
  { $id: 'Token' }
)
export type TokenView = Static<typeof TokenView>

export const tokenRoutes = {
  listTokens: {
    method: 'GET',
    path: '/api/v1/owners/:owner/tokens',
    rule: { action: 'see-tokens', on: 'owner' },
    summary: "API tokens of an owner: the caller's own, for its administrators all; never what makes them one",
    response: Type.Object({ items: Type.Array(TokenView) })
  },
  createToken: {
    method: 'POST',
    path: '/api/v1/owners/:owner/tokens',
    rule: { action: 'set-tokens', on: 'owner' },
    summary: 'Make an API token for one owner, with no more than one may oneself. It is shown this once',
    body: Type.Object({
      name: Type.String({ minLength: 1, maxLength: 80, pattern: '^[^\\u0000-\\u001f\\u007f]+$' }),
      scope: Scope,
      expiresInDays: Type.Integer({ minimum: 1, maximum: 366, default: 90 })
    }),
    response: Type.Object({ token: TokenView, secret: Type.String({ description: 'send it as "Bearer <secret>"' }) })
  },
  revokeToken: {
    method: 'DELETE',
    path: '/api/v1/owners/:owner/tokens/:id',
    rule: { action: 'set-tokens', on: 'owner' },
    summary: 'Revoke an API token, and those that were made with it',
    response: Done
  }
} as const satisfies Record<string, RouteContract>
