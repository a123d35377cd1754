import { createRequire } from 'node:module'
import type { Endpoint, FunctionAccess, RetryPolicy, Route } from '@slipway/domain'
import type undici from 'undici'

// The package's main module loads everything it has, its fetch and its caches among it: 10 MiB that nobody asks for here.
const Pool = createRequire(import.meta.url)('undici/lib/dispatcher/pool.js') as typeof undici.Pool

/** One replica of a deployment, or an address that shares calls out to several, and the connections to it. */
export interface Replica {
  readonly key: string
  /** Of an address that others answer at, too: what is asked there begins with `path`, and calls it by its own name. */
  readonly shared: { path: string; host: string } | null
  /** Made when first called. */
  pool(): undici.Pool
  inFlight: number
  /** Could not be connected to: asked last until then. Epoch milliseconds. */
  awayUntil: number
  close(): void
}

/** A deployment as calls see it. It outlives its route until its last call has ended. */
export interface Upstream {
  readonly deploymentId: string
  readonly ownerId: string
  readonly functionName: string
  /** Of the function, whichever deployment of it: the owner's name may change. */
  readonly functionKey: string
  /** `<function>.<slug>`, as OpenFaaS names functions in metrics. */
  readonly label: string
  readonly writeTimeoutMs: number
  /** Who may call it. */
  access: FunctionAccess
  /** From one address, to all functions of its owner together; null: as often as they like. */
  callsPerSecond: number | null
  /** Of asynchronous calls. */
  readonly retry: RetryPolicy
  readonly ownerSlug: string
  /** Calls are held while it has no replica, for they bring one back. */
  readonly startsOnCall: boolean
  replicas: Replica[]
  inFlight: number
  /** Calls that have begun. */
  begun: number
  turn: number
}

const awayMs = 1000
/** It may be far away, and there is no other one to try. */
const sharedConnectMs = 5000

export function createUpstream(route: Route): Upstream {
  return {
    deploymentId: route.deploymentId,
    ownerId: route.ownerId,
    functionName: route.functionName,
    functionKey: `${route.ownerId}/${route.functionName}`,
    label: `${route.functionName}.${route.ownerSlug}`,
    writeTimeoutMs: route.writeTimeoutMs,
    access: route.access,
    callsPerSecond: route.callsPerSecond,
    retry: route.retry,
    ownerSlug: route.ownerSlug,
    startsOnCall: route.startsOnCall,
    replicas: distinct(route.endpoints).map(createReplica),
    inFlight: 0,
    begun: 0,
    turn: 0
  }
}

/** Follows a scaled deployment: replicas that stay keep their connections. */
export function setEndpoints(upstream: Upstream, endpoints: Endpoint[]): void {
  const known = new Map(upstream.replicas.map((replica) => [replica.key, replica]))
  upstream.replicas = distinct(endpoints).map((endpoint) => {
    const key = keyOf(endpoint)
    const replica = known.get(key)
    known.delete(key)
    return replica ?? createReplica(endpoint)
  })
  for (const gone of known.values()) gone.close()
}

/** Whoever calls it now has to wait until it has been started. */
export function isAsleep({ startsOnCall, replicas }: Upstream): boolean {
  return startsOnCall && replicas.length === 0
}

/** The replica to ask next: of those not tried yet the least busy one that answers, in turn among equals; null when all were. */
export function nextReplica(upstream: Upstream, tried: readonly Replica[], now: number): Replica | null {
  const { replicas } = upstream
  upstream.turn = (upstream.turn + 1) % Math.max(1, replicas.length)
  let best: Replica | null = null
  for (let i = 0; i < replicas.length; i += 1) {
    const replica = replicas[(upstream.turn + i) % replicas.length] as Replica
    if (!tried.includes(replica) && (best === null || rank(replica, now) < rank(best, now))) best = replica
  }
  return best
}

export function markAway(replica: Replica, now: number): void {
  replica.awayUntil = now + awayMs
}

function rank(replica: Replica, now: number): number {
  return replica.inFlight + (replica.awayUntil > now ? Number.MAX_SAFE_INTEGER / 2 : 0)
}

function createReplica(endpoint: Endpoint): Replica {
  const { host, port, path = '', isSecure = false } = endpoint
  let pool: undici.Pool | null = null
  return {
    key: keyOf(endpoint),
    shared: path === '' ? null : { path, host: authority(host, port, isSecure) },
    inFlight: 0,
    awayUntil: 0,
    pool: () => {
      pool ??= new Pool(originOf(endpoint), {
        // An address may belong to another container a second later, and a function may close what is idle.
        keepAliveTimeout: 1000,
        keepAliveMaxTimeout: 1000,
        keepAliveTimeoutThreshold: 500,
        pipelining: 1,
        connect: { timeout: path === '' ? 500 : sharedConnectMs },
        // The call has one limit of its own.
        headersTimeout: 0,
        bodyTimeout: 0,
        maxHeaderSize: 64 * 1024
      })
      return pool
    },
    close: () => {
      // Lets what is in flight finish.
      void pool?.close()
    }
  }
}

function keyOf(endpoint: Endpoint): string {
  return `${originOf(endpoint)}${endpoint.path ?? ''}`
}

function originOf({ host, port, isSecure = false }: Endpoint): string {
  return `${isSecure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** As a `Host` header has it. */
function authority(host: string, port: number, isSecure: boolean): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === (isSecure ? 443 : 80) ? name : `${name}:${port}`
}

function distinct(endpoints: Endpoint[]): Endpoint[] {
  return [...new Map(endpoints.map((endpoint) => [keyOf(endpoint), endpoint])).values()]
}
