import type { FunctionAccess } from './access.ts'
import type { ImageReference } from './build.ts'
import { Failure } from './failure.ts'
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

/** Where one replica answers. */
export interface Endpoint {
  host: string
  port: number
}

/** One immutable version of one function: image and configuration. Only `status`, `endpoints`, `reason` and the times change. */
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
  replicas: number
  status: DeploymentStatus
  endpoints: Endpoint[]
  reason: string | null
  createdAt: number
  liveAt: number | null
  endedAt: number | null
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
}
