import type { KnownKey, Route } from '@slipway/domain'
import { type Keys, keysByHash } from './access.ts'
import type { Address } from './address.ts'
import { createUpstream, setEndpoints, type Upstream } from './upstream.ts'

/** Which deployment answers which name, and who still has calls. */
export interface RouteTable {
  /** Of the routes that are served; null before the first were read. */
  version(): number | null
  /** Swaps the whole table at once. */
  replace(version: number, routes: Route[], keys: KnownKey[]): void
  /** Of callers. */
  keys(): Keys
  /** @param slug whose function asks: by a bare name it means a function of the same owner first. */
  find(address: Exclude<Address, { kind: 'own' }>, slug?: string | null): Upstream | null
  /** A call begins. Must be told in the same turn as `find`: a swap must not come between. */
  enter(upstream: Upstream): void
  /** It has ended. */
  leave(upstream: Upstream): void
  /** Deployment id to calls, those included that are no longer served. */
  inFlight(): Record<string, number>
  /** What is served now. */
  served(): Iterable<Upstream>
  close(): void
}

/** @param onDrained the last call of a deployment that is no longer served has ended. */
export function createRouteTable(onDrained: () => void): RouteTable {
  let version: number | null = null
  let keys = keysByHash([])
  let byName = new Map<string, Upstream>()
  let byClusterName = new Map<string, Upstream>()
  let served = new Map<string, Upstream>()
  const retired = new Map<string, Upstream>()

  function retire(upstream: Upstream): void {
    if (upstream.inFlight > 0) retired.set(upstream.deploymentId, upstream)
    else release(upstream)
  }

  return {
    version: () => version,
    keys: () => keys,
    replace(nextVersion, routes, known) {
      keys = keysByHash(known)
      const former = served
      served = new Map()
      byName = new Map()
      byClusterName = new Map()
      for (const route of routes) {
        // One that was rolled back to may still be finishing what it had.
        const found = former.get(route.deploymentId) ?? retired.get(route.deploymentId)
        const upstream = found ?? createUpstream(route)
        if (found !== undefined) setEndpoints(found, route.endpoints)
        upstream.access = route.access
        upstream.callsPerSecond = route.callsPerSecond
        retired.delete(route.deploymentId)
        served.set(route.deploymentId, upstream)
        byName.set(`${route.ownerSlug}/${route.functionName}`, upstream)
        byClusterName.set(route.clusterName, upstream)
      }
      for (const upstream of former.values()) if (!served.has(upstream.deploymentId)) retire(upstream)
      version = nextVersion
    },
    find(address, slug = null) {
      if (address.kind === 'name') return byName.get(`${address.slug}/${address.functionName}`) ?? null
      const own = slug === null ? undefined : byName.get(`${slug}/${address.clusterName}`)
      return own ?? byClusterName.get(address.clusterName) ?? null
    },
    enter(upstream) {
      upstream.inFlight += 1
      upstream.begun += 1
    },
    leave(upstream) {
      upstream.inFlight -= 1
      if (upstream.inFlight === 0 && retired.delete(upstream.deploymentId)) {
        release(upstream)
        onDrained()
      }
    },
    inFlight() {
      const busy = [...served.values(), ...retired.values()].filter((upstream) => upstream.inFlight > 0)
      return Object.fromEntries(busy.map((upstream) => [upstream.deploymentId, upstream.inFlight]))
    },
    served: () => served.values(),
    close() {
      for (const upstream of served.values()) release(upstream)
    }
  }
}

function release(upstream: Upstream): void {
  for (const replica of upstream.replicas) replica.close()
}
