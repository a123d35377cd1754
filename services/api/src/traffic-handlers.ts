import type { TrafficView } from '@slipway/client'
import {
  addTraffic,
  authorize,
  errorsOf,
  hourMs,
  isSummed,
  limitKinds,
  limitNames,
  noTraffic,
  percentileOf,
  type Resource,
  stepsOf,
  type TrafficCount,
  type TrafficRange,
  type TrafficWindow,
  trafficWindows
} from '@slipway/domain'
import { createLookups, type HandlerDeps, type Handlers } from './handling.ts'
import type { Caller } from './identify.ts'
import { resourceOf } from './resource.ts'

/** What gateways counted, as charts and lists want it. */
export function createTrafficHandlers(deps: HandlerDeps): Handlers<'getTraffic' | 'getOwnerTraffic' | 'getUsage'> {
  const { store, now } = deps
  const { ownerIdOf, functionOf } = createLookups(deps)

  /** A list shows of each repository what its rights allow. */
  async function visibleFunctions(caller: Caller, ownerId: string): Promise<Set<string>> {
    const all = await store.functions.list(ownerId, {}, { before: null, limit: 10_000 })
    const allowed = new Map<string | null, boolean>()
    for (const repositoryId of new Set(all.map((record) => record.repositoryId))) {
      const repository = repositoryId === null ? null : await store.repositories.get(repositoryId)
      const resource: Resource =
        repository === null ? { kind: 'owner', ownerId, hasPublicPages: false } : resourceOf(repository)
      allowed.set(repositoryId, authorize(caller, caller.grants, 'see-traffic', resource) === 'allowed')
    }
    return new Set(all.filter((record) => allowed.get(record.repositoryId)).map(({ name }) => name))
  }

  return {
    async getTraffic({ owner, name, window = '1h' }) {
      const { ownerId } = await functionOf({ owner, name })
      const { range, starts } = rangeOf(window, now())
      const counted = new Map((await store.traffic.ofFunction(ownerId, name, range)).map((step) => [step.at, step]))
      const total = noTraffic()
      for (const step of counted.values()) addTraffic(total, step)
      return {
        stepMs: range.stepMs,
        points: starts.map((at) => pointOf(at, counted.get(at) ?? noTraffic())),
        total: pointOf(range.from, total)
      }
    },
    async getOwnerTraffic({ owner, window = '1h' }, caller) {
      const ownerId = await ownerIdOf(owner)
      const shown = await visibleFunctions(caller, ownerId)
      const { range, starts } = rangeOf(window, now())
      const names = new Map<string, { calls: number[]; errors: number[] }>()
      for (const { functionName, at, calls, errors } of await store.traffic.ofOwner(ownerId, range)) {
        if (!shown.has(functionName)) continue
        const one = names.get(functionName) ?? { calls: starts.map(() => 0), errors: starts.map(() => 0) }
        const step = (at - range.from) / range.stepMs
        one.calls[step] = calls
        one.errors[step] = errors
        names.set(functionName, one)
      }
      const functions = [...names].map(([name, { calls, errors }]) => ({
        name,
        calls: sumOf(calls),
        errors: sumOf(errors),
        callsByStep: calls,
        errorsByStep: errors
      }))
      return { from: range.from, stepMs: range.stepMs, functions }
    },
    async getUsage({ owner, days = 30 }) {
      const ownerId = await ownerIdOf(owner)
      const until = now()
      const from = until - (until % hourMs) - days * 24 * hourMs
      const { buildMs, ...used } = await store.traffic.usage(ownerId, from, until)
      const live = await store.deployments.list(ownerId, { status: 'live' }, { before: null, limit: 10_000 })
      const { limits } = await store.limits.of(ownerId)
      const has = await store.limits.used(ownerId)
      const quotas = limitNames.filter(isSummed).map((name) => {
        const { what, unit } = limitKinds[name]
        return { name, what, unit, used: has[name], limit: limits[name] }
      })
      const buildMinutes = Math.round(buildMs / 600) / 100
      return { from, until, ...used, buildMinutes, functions: live.length, quotas }
    }
  }
}

function rangeOf(window: TrafficWindow, now: number): { range: TrafficRange; starts: number[] } {
  const { from, stepMs, count } = stepsOf(window, now)
  const { source } = trafficWindows[window]
  return {
    range: { from, until: from + count * stepMs, stepMs, source },
    starts: Array.from({ length: count }, (_, i) => from + i * stepMs)
  }
}

function pointOf(at: number, count: TrafficCount): TrafficView['points'][number] {
  const { calls, codes, latency, running } = count
  return {
    at,
    calls,
    errors: errorsOf(count),
    p50Ms: percentileOf(latency, 0.5),
    p95Ms: percentileOf(latency, 0.95),
    p99Ms: percentileOf(latency, 0.99),
    running,
    codes
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0)
}
