import { isSummed, type LimitedUse, limitNames } from '@slipway/domain'
import Type, { type Static } from 'typebox'
import type { RouteContract } from './route-contract.ts'

const Count = Type.Integer({ minimum: 0 })
const Time = Type.Integer({ description: 'epoch milliseconds' })
/** Milliseconds, as near as the histogram tells; null without calls. */
const Latency = Type.Union([Type.Number(), Type.Null()])
const window = Type.Enum(['1h', '24h', '30d'], {
  default: '1h',
  description: 'how far back: in steps of a minute, of 15 minutes, of six hours'
})

export const TrafficPoint = Type.Object({
  /** The beginning of the step. */
  at: Time,
  calls: Count,
  /** Answers with a status of 500 and more. */
  errors: Count,
  p50Ms: Latency,
  p95Ms: Latency,
  p99Ms: Latency,
  /** The most calls under way at a time, at one gateway. */
  running: Count,
  /** Answers by status; 499 are callers who left before. */
  codes: Type.Record(Type.String(), Count)
})

export const TrafficView = Type.Object(
  {
    stepMs: Count,
    /** Every step of the window, those without calls included; the last one is not over. */
    points: Type.Array(TrafficPoint),
    /** The window as a whole. `at` is its beginning. */
    total: TrafficPoint
  },
  { $id: 'Traffic' }
)
export type TrafficView = Static<typeof TrafficView>

export const OwnerTrafficView = Type.Object(
  {
    /** The beginning of the first step. */
    from: Time,
    stepMs: Count,
    functions: Type.Array(
      Type.Object({
        name: Type.String(),
        calls: Count,
        errors: Count,
        /** One number a step, as many for each function. */
        callsByStep: Type.Array(Count),
        errorsByStep: Type.Array(Count)
      })
    )
  },
  { $id: 'OwnerTraffic' }
)
export type OwnerTrafficView = Static<typeof OwnerTrafficView>

export const UsageView = Type.Object(
  {
    from: Time,
    until: Time,
    calls: Count,
    errors: Count,
    builds: Count,
    /** How long builds took together, rolling out included. */
    buildMinutes: Type.Number({ minimum: 0 }),
    /** That are live now. */
    functions: Count,
    /** What it has now of what it may have at most. */
    quotas: Type.Array(
      Type.Object({
        name: Type.Unsafe<keyof LimitedUse>(Type.Enum(limitNames.filter(isSummed))),
        /** In words, and what it is counted in: nothing, `MiB`, or `m` for thousandths of a processor. */
        what: Type.String(),
        unit: Type.String(),
        used: Count,
        limit: Type.Union([Count, Type.Null()])
      })
    )
  },
  { $id: 'Usage' }
)
export type UsageView = Static<typeof UsageView>

export const trafficRoutes = {
  getTraffic: {
    method: 'GET',
    path: '/api/v1/functions/:owner/:name/traffic',
    rule: { action: 'see-traffic', on: 'function' },
    summary: "A function's calls, errors and latency over time, as gateways counted them",
    query: Type.Object({ window: Type.Optional(window) }),
    response: TrafficView
  },
  getOwnerTraffic: {
    method: 'GET',
    path: '/api/v1/owners/:owner/traffic',
    rule: { action: 'see-traffic', on: 'listing' },
    summary:
      "Calls and errors over time of those of an owner's functions that were called, as far as the caller may see them",
    query: Type.Object({ window: Type.Optional(window) }),
    response: OwnerTrafficView
  },
  getUsage: {
    method: 'GET',
    path: '/api/v1/owners/:owner/usage',
    rule: { action: 'see-usage', on: 'owner' },
    summary: 'Calls, builds and build minutes of an owner; of at most the last 30 days',
    query: Type.Object({
      days: Type.Optional(Type.Integer({ minimum: 1, maximum: 30, default: 30 }))
    }),
    response: UsageView
  }
} as const satisfies Record<string, RouteContract>
