import type { Deployment, Endpoint } from '../deployment.ts'
import type { RuntimeLogLine } from '../log.ts'

/** How a cluster moves traffic from one deployment to the next. */
export interface ClusterCapabilities {
  /** `atomic`: old and new run side by side and Slipway's gateway switches. `own`: the cluster switches while it applies. */
  switch: 'atomic' | 'own'
  watch: 'push' | 'poll'
}

/** One deployment as the cluster has it. */
export interface ClusterObject {
  deploymentId: string
  clusterName: string
  ownerSlug: string
  /** Replicas that exist, and those of them that run. */
  replicas: number
  availableReplicas: number
  /** When the newest of its replicas was made: not before that. Of the second that a cluster tells, the end. */
  createdAt: number
  endpoints: Endpoint[]
}

export interface RuntimeLogOptions {
  follow: boolean
  /** Epoch milliseconds; null: from the beginning of what is kept. */
  since: number | null
  /** The last so many lines of each replica; null: all. */
  tail: number | null
}

/** What holds of one thing that was looked at, in words. */
export interface Finding {
  name: string
  isOk: boolean
  detail: string
}

/** Where functions run. Sees only its own installation's objects: others are neither listed nor touched. */
export interface Cluster {
  readonly kind: 'docker' | 'kubernetes' | 'openfaas'
  readonly capabilities: ClusterCapabilities
  /**
   * Brings a deployment's replicas up and waits until every one of them answers on its readiness path.
   * Idempotent by deployment id: replicas that are there and run are kept, missing or stopped ones are started,
   * and it may be called again after any crash. A deployment that does not become ready is taken away again before this throws;
   * replicas of it that ran and were not at fault are kept. An apply that is given up leaves what it has begun.
   *
   * @returns where the replicas answer, one endpoint each.
   * @throws Failure `not-ready` with the reason (exit code, last log lines, path that was asked); `image-missing`;
   *   `unsupported` for what cannot be had here (constraints, secrets); `limit-exceeded` when the owner has no room left;
   *   `cancelled` when it is removed meanwhile; `unavailable` when the cluster does not answer.
   */
  apply(deployment: Deployment, signal: AbortSignal): Promise<Endpoint[]>
  /** Takes a deployment's replicas away, letting them finish for at most `graceMs`. Nothing there is fine. */
  remove(deploymentId: string, graceMs: number, signal: AbortSignal): Promise<void>
  /** Every deployment of this installation. */
  list(signal: AbortSignal): Promise<ClusterObject[]>
  /**
   * Sets the number of replicas of a running deployment and waits until they are ready; those above it are let finish
   * for at most the function's write time-out. Returns all endpoints. Fails as `apply` does.
   */
  scale(deployment: Deployment, replicas: number, signal: AbortSignal): Promise<Endpoint[]>
  /**
   * What the replicas printed, oldest first; ends by itself unless followed. A followed one goes on as replicas are started
   * again, and ends when the deployment is removed or the signal aborts. Nothing for a deployment that is not there.
   */
  logs(deploymentId: string, options: RuntimeLogOptions, signal: AbortSignal): AsyncIterable<RuntimeLogLine>
  /** What this cluster can hold and enforce here, for `doctor`: one line per finding, also when it does not answer. */
  check(signal: AbortSignal): Promise<Finding[]>
  close(): Promise<void>
}
