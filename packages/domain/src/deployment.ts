import type { FunctionAccess } from './access.ts'
import { type ImageReference, pinnedReference } from './build.ts'
import { Failure } from './failure.ts'
import type { RetryPolicy } from './retry.ts'
import type { SecretPin } from './secret.ts'
import type { FunctionSpec } from './stack.ts'

/**
 * `starting`: made, not yet ready. `live`: takes the traffic. `draining`: was live, finishes what it has.
 * `ended`: gone from the cluster, may be made live again by a rollback. `failed`: never became ready.
 */
export type DeploymentStatus = 'starting' | 'live' | 'draining' | 'ended' | 'failed'

const transitions: Record<DeploymentStatus, readonly DeploymentStatus[]> = {
  starting: ['live', 'failed', 'ended'],
  live: ['draining'],
  draining: ['ended'],
  ended: ['starting'],
  failed: []
}

/** @throws Failure `invalid-transition` */
export function assertDeploymentTransition(from: DeploymentStatus, to: DeploymentStatus): void {
  if (!transitions[from].includes(to)) {
    throw new Failure('invalid-transition', `a deployment cannot go from ${from} to ${to}`)
  }
}

/** OpenFaaS' API has no field for why a function does not come up: this annotation says it. */
export const failureAnnotation = 'com.slipway.failure'
/** Beside it, for programs: the code of the failure. */
export const failureCodeAnnotation = 'com.slipway.failure-code'

/** Why a version cannot come up by its own fault: what `Cluster.apply` says of it. */
const startFailures = ['not-ready', 'image-missing', 'limit-exceeded', 'unsupported'] as const
export type StartFailure = (typeof startFailures)[number]

/** What is none of them says no more than that it did not become ready. */
export function startFailureOf(code: string | undefined): StartFailure {
  return startFailures.find((one) => one === code) ?? 'not-ready'
}

/** Where one replica answers. Of a cluster that shares calls out by itself, all of a deployment's are the same. */
export interface Endpoint {
  host: string
  port: number
  /** Of an address that others answer at, too: what is below this belongs to the deployment. It begins with `/` and does not end with it. */
  path?: string
  /** It is called by TLS. */
  isSecure?: boolean
}

/** Its address in full, by which two are told apart. */
export function endpointUrl({ host, port, path = '', isSecure = false }: Endpoint): string {
  return `http${isSecure ? 's' : ''}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`
}

/**
 * One immutable version of one function: image and configuration. Only `status`, `endpoints`, `reason` and the times change, and
 * `buildId`, `commit` and `generation` when a later build finds it to be the same and lets it stay live.
 */
export interface Deployment {
  id: string
  ownerId: string
  ownerSlug: string
  repositoryId: string | null
  buildId: string | null
  functionName: string
  /** `<slug>-<function>` */
  clusterName: string
  generation: number
  source: 'git' | 'api'
  image: ImageReference
  spec: FunctionSpec
  /** The versions of its secrets, in the order of the spec. */
  secrets: SecretPin[]
  /** What `stack.yml` says of the environment; `spec` has the owner's variables over it. */
  declaredEnvironment: Record<string, string>
  /** The deployment that it is a redeploy of: it takes that one's place and no other's. */
  redeployOf: string | null
  /** Labels and annotations as the cluster gets them, the platform's own included. */
  labels: Record<string, string>
  annotations: Record<string, string>
  commit: string | null
  /** How many are wanted. */
  replicas: number
  /** Somebody said so: load and idleness do not change it. */
  isScaledByHand: boolean
  status: DeploymentStatus
  endpoints: Endpoint[]
  reason: string | null
  createdAt: number
  liveAt: number | null
  endedAt: number | null
}

/** What a deployment is made of: with all of it equal, another one would be the same again. */
export type DeploymentContent = Pick<
  Deployment,
  | 'ownerId'
  | 'repositoryId'
  | 'clusterName'
  | 'source'
  | 'image'
  | 'spec'
  | 'secrets'
  | 'declaredEnvironment'
  | 'labels'
  | 'annotations'
>

/** These tell of the moment at which something was deployed, not of what it is. */
const momentaryLabels = new Set(['com.openfaas.cloud.git-sha', 'com.openfaas.cloud.git-deploytime'])

/** Is what is live what is wanted, byte for byte and value for value? How many replicas it has is not asked. */
export function isSameContent(live: DeploymentContent, wanted: DeploymentContent): boolean {
  return JSON.stringify(contentOf(live)) === JSON.stringify(contentOf(wanted))
}

function contentOf(one: DeploymentContent): unknown {
  const { ownerId, repositoryId, clusterName, source, image, spec, secrets, declaredEnvironment, labels } = one
  return ordered({
    about: [ownerId, repositoryId, clusterName, source],
    image: pinnedReference(image),
    configuration: { spec, secrets, declaredEnvironment, annotations: one.annotations },
    labels: Object.fromEntries(Object.entries(labels).filter(([name]) => !momentaryLabels.has(name)))
  })
}

/** The same with the keys of objects in one order, for theirs means nothing. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, of]) => [name, ordered(of)]))
}

/** A function: the name that an owner's calls go to, and which deployment answers them. */
export interface FunctionRecord {
  ownerId: string
  ownerSlug: string
  name: string
  clusterName: string
  /** The repository that it came from; null for one that was deployed by API. */
  repositoryId: string | null
  /** null: removed, or never live. */
  liveDeploymentId: string | null
  /** Of the deployment that was last switched to: a switch with a lower one is refused. */
  generation: number
  /** Pushes do not deploy it (after a rollback) until the owner resumes. */
  isPaused: boolean
  createdAt: number
  updatedAt: number
}

/** What a gateway needs to know of a live function. */
export interface Route {
  ownerId: string
  ownerSlug: string
  functionName: string
  clusterName: string
  deploymentId: string
  generation: number
  endpoints: Endpoint[]
  writeTimeoutMs: number
  /** Who may call it. */
  access: FunctionAccess
  /** From one address, to all functions of its owner together; null: as often as they like. */
  callsPerSecond: number | null
  /** When an asynchronous call is tried again. */
  retry: RetryPolicy
  /** A call brings it back when it has no replica. */
  startsOnCall: boolean
}
