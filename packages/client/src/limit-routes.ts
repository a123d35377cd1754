import { type LimitName, limitKinds, limitNames, type OwnerLimits, type OwnLimits } from '@slipway/domain'
import Type, { type Static, type TSchema } from 'typebox'
import type { RouteContract } from './route-contract.ts'

const most = (name: LimitName) => {
  const { what, unit } = limitKinds[name]
  const description = `${what}${unit === '' ? '' : `, ${unit === 'm' ? 'thousandths of one' : unit}`}; null: no limit`
  // Two types of one schema: of a union the checker would turn null into 0, or 0 into null, to suit the first.
  return Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum: 0, maximum: 1_000_000_000, description })
}

const fields = <T extends TSchema>(field: (name: LimitName) => T) =>
  Object.fromEntries(limitNames.map((name) => [name, field(name)])) as Record<LimitName, T>

const Limits = Type.Unsafe<OwnerLimits>(Type.Object(fields(most)))
const OwnLimitsBody = Type.Object(
  fields((name) => Type.Optional(most(name))),
  { additionalProperties: false }
)

export const LimitsView = Type.Object(
  {
    /** What holds. */
    limits: Limits,
    /** What of it an administrator set for this owner. */
    own: Type.Unsafe<OwnLimits>(OwnLimitsBody),
    /** What owners have for whom nothing is set. */
    defaults: Limits
  },
  { $id: 'Limits' }
)
export type LimitsView = Static<typeof LimitsView>

export const limitRoutes = {
  getLimits: {
    method: 'GET',
    path: '/api/v1/owners/:owner/limits',
    rule: { action: 'see-usage', on: 'owner' },
    summary: 'What an owner may have, and what of it is set for this one; its usage says what it has',
    response: LimitsView
  },
  setLimits: {
    method: 'PUT',
    path: '/api/v1/owners/:owner/limits',
    rule: { action: 'administer', on: 'owner' },
    summary:
      'Set what an owner may have. What is left out is as for everybody, null is no limit; what the owner has already stays',
    body: Type.Object({ own: Type.Unsafe<OwnLimits>(OwnLimitsBody) }),
    response: LimitsView
  }
} as const satisfies Record<string, RouteContract>
