import Type, { type Static } from 'typebox'
import type { RouteContract } from './route-contract.ts'

const Headers = Type.Record(Type.String({ maxLength: 200 }), Type.String({ maxLength: 8192 }))

/** What a function answered. */
export const TriedView = Type.Object(
  {
    status: Type.Integer(),
    headers: Headers,
    /** As text; what is no UTF-8 has replacement characters. */
    body: Type.String(),
    /** Only the beginning of it is told. */
    isCut: Type.Boolean(),
    /** When it was called, for its log lines. */
    at: Type.Integer(),
    durationMs: Type.Number()
  },
  { $id: 'Tried' }
)
export type TriedView = Static<typeof TriedView>

export const tryRoutes = {
  tryFunction: {
    method: 'POST',
    path: '/api/v1/functions/:owner/:name/calls',
    rule: { action: 'call-function', on: 'function' },
    summary: 'Call a function through the gateway and tell what it answered: for trying it out',
    body: Type.Object({
      method: Type.Enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'], { default: 'GET' }),
      /** With its query. */
      path: Type.Optional(Type.String({ pattern: '^/', maxLength: 4096 })),
      headers: Type.Optional(Headers),
      body: Type.Optional(Type.String({ maxLength: 512 * 1024 }))
    }),
    response: TriedView
  }
} as const satisfies Record<string, RouteContract>
