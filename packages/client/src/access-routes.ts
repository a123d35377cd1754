import { functionAccesses } from '@slipway/domain'
import Type, { type Static, type TSchema } from 'typebox'
import { Done } from './done.ts'
import type { RouteContract } from './route-contract.ts'

const Access = Type.Enum([...functionAccesses], {
  description:
    'public: everybody; token: who has a key that the owner gave out; owner: who has a key of the owner’s own'
})
const Time = Type.Integer()
const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
/** null: what is further away counts: the repository, the owner, and then `public`. */
const wanted = { access: Nullable(Access) }

export const AccessView = Type.Object(
  {
    access: Access,
    /** Where that is set. */
    source: Type.Enum(['function', 'repository', 'owner', 'default'])
  },
  { $id: 'Access' }
)
export type AccessView = Static<typeof AccessView>

export const FunctionKeyView = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    /** The only function that it opens; null: all of the owner's. */
    function: Nullable(Type.String()),
    /** It opens functions whose access is `owner`, too. */
    isOwn: Type.Boolean(),
    createdBy: Type.String(),
    createdAt: Time,
    expiresAt: Nullable(Time)
  },
  { $id: 'FunctionKey' }
)
export type FunctionKeyView = Static<typeof FunctionKeyView>

export const accessRoutes = {
  getAccess: {
    method: 'GET',
    path: '/api/v1/functions/:owner/:name/access',
    rule: { action: 'see-function', on: 'function' },
    summary: 'Who may call a function',
    response: AccessView
  },
  setAccess: {
    method: 'PUT',
    path: '/api/v1/functions/:owner/:name/access',
    rule: { action: 'set-access', on: 'function' },
    summary: 'Say who may call a function; gateways follow within a second',
    body: Type.Object(wanted),
    response: AccessView
  },
  setDefaultAccess: {
    method: 'PUT',
    path: '/api/v1/owners/:owner/access',
    rule: { action: 'set-access', on: 'scope' },
    summary:
      'Say who may call functions of an owner, or of one of its repositories (by id), that do not say so themselves',
    body: Type.Object({ ...wanted, repository: Type.Optional(Type.String({ minLength: 1 })) }),
    response: Done
  },
  listFunctionKeys: {
    method: 'GET',
    path: '/api/v1/owners/:owner/function-keys',
    rule: { action: 'set-access', on: 'owner' },
    summary: 'Keys that open functions that are not public; the keys themselves are not shown again',
    response: Type.Object({ items: Type.Array(FunctionKeyView) })
  },
  createFunctionKey: {
    method: 'POST',
    path: '/api/v1/owners/:owner/function-keys',
    rule: { action: 'set-access', on: 'owner' },
    summary: 'Make a key that opens functions and does nothing else; it is shown this once',
    body: Type.Object({
      name: Type.String({ minLength: 1, maxLength: 100 }),
      function: Type.Optional(Type.String({ minLength: 1 })),
      isOwn: Type.Optional(Type.Boolean()),
      expiresInDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 3650 }))
    }),
    response: Type.Object({ key: Type.String(), about: FunctionKeyView })
  },
  revokeFunctionKey: {
    method: 'DELETE',
    path: '/api/v1/owners/:owner/function-keys/:id',
    rule: { action: 'set-access', on: 'owner' },
    summary: 'Revoke a key: gateways refuse it within a second',
    response: Done
  }
} as const satisfies Record<string, RouteContract>
