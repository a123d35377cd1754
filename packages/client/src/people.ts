import type { Right } from '@slipway/domain'
import Type, { type Static } from 'typebox'
import type { RouteContract } from './route-contract.ts'

const Text = Type.String()
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const RightView = Type.Unsafe<Right>(Type.Enum(['read', 'write', 'admin']))

/** Who asks. */
export const MeView = Type.Object(
  {
    /** `administrator`: by the installation's own token, or a one-time link. */
    kind: Type.Enum(['administrator', 'account', 'token']),
    name: Text,
    login: Nullable(Text),
    isAdministrator: Type.Boolean(),
    /**
     * Owners of whom something may be seen, with the most that may be done with anything of theirs, and with everything (null: there
     * are only single repositories).
     */
    owners: Type.Array(Type.Object({ slug: Text, right: RightView, rightOnAll: Nullable(RightView) })),
    /** Where more may be done than with everything of the owner. */
    repositories: Type.Array(Type.Object({ id: Text, owner: Text, right: RightView }))
  },
  { $id: 'Me' }
)
export type MeView = Static<typeof MeView>

/** How people can sign in here. */
export const SignInView = Type.Object(
  {
    /** `address`: where the browser goes; `?return=/path` says where it comes back to. */
    providers: Type.Array(Type.Object({ id: Text, name: Text, address: Text })),
    /** False: nobody has opened the administrator's link yet. */
    isClaimed: Type.Boolean()
  },
  { $id: 'SignIn' }
)
export type SignInView = Static<typeof SignInView>

export const peopleRoutes = {
  getMe: {
    method: 'GET',
    path: '/api/v1/me',
    summary: 'Who asks, and of which owners that one may see something',
    rule: { action: 'see-account', on: 'self' },
    response: MeView
  },
  getSignIn: {
    method: 'GET',
    path: '/api/v1/sign-in',
    summary: 'Where people can sign in',
    rule: { action: 'sign-in', on: 'public' },
    response: SignInView
  },
  createClaim: {
    method: 'POST',
    path: '/api/v1/admin/claims',
    summary:
      "A new one-time link: whoever opens it signed in becomes an administrator. With opensSession it signs in itself, as the installation's administrator",
    rule: { action: 'administer', on: 'platform' },
    body: Type.Object({ opensSession: Type.Optional(Type.Boolean()) }),
    response: Type.Object({ url: Text, expiresAt: Type.Integer() })
  }
} as const satisfies Record<string, RouteContract>
