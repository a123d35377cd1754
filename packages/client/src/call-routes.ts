import Type, { type Static, type TSchema } from 'typebox'
import { Done } from './done.ts'
import type { RouteContract } from './route-contract.ts'

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Text = Type.String()
const Time = Type.Integer({ description: 'epoch milliseconds' })

/** An asynchronous call that was given up. Neither its body, its headers nor its query are told: they may hold secrets. */
export const GivenUpCallView = Type.Object(
  {
    id: Text,
    owner: Text,
    function: Text,
    /** As in `X-Call-Id` and the gateway's log. */
    callId: Text,
    method: Text,
    path: Text,
    bodyBytes: Type.Integer(),
    attempts: Type.Integer(),
    reason: Text,
    acceptedAt: Time,
    givenUpAt: Nullable(Time)
  },
  { $id: 'GivenUpCall' }
)
export type GivenUpCallView = Static<typeof GivenUpCallView>

export const callRoutes = {
  listGivenUpCalls: {
    method: 'GET',
    path: '/api/v1/owners/:owner/calls',
    rule: { action: 'see-calls', on: 'listing' },
    summary:
      'Asynchronous calls that were given up, newest first of each function; kept for a week, a thousand of each',
    query: Type.Object({
      state: Type.Enum(['failed'], { default: 'failed' }),
      function: Type.Optional(Type.String({ description: 'only of this one' })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'of each function' }))
    }),
    response: Type.Object({ items: Type.Array(GivenUpCallView) })
  },
  retryGivenUpCall: {
    method: 'POST',
    path: '/api/v1/functions/:owner/:name/calls/:call/retry',
    rule: { action: 'call-function', on: 'function' },
    summary: 'Make a call that was given up again, with all its tries',
    response: Done
  },
  dropGivenUpCall: {
    method: 'DELETE',
    path: '/api/v1/functions/:owner/:name/calls/:call',
    rule: { action: 'call-function', on: 'function' },
    summary: 'Forget a call that was given up',
    response: Done
  }
} as const satisfies Record<string, RouteContract>
