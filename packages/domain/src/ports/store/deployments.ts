import type { ImageReference } from '../../build.ts'
import type { Deployment, Endpoint } from '../../deployment.ts'
import type { FunctionSpec } from '../../stack.ts'
import type { Page } from './page.ts'

export interface SwitchResult {
  /** False: a higher generation was there first, or some functions may not be switched; nothing was changed. */
  isSwitched: boolean
  /**
   * Functions that may not be switched because somebody paused, rolled back or removed them meanwhile; empty when it is a newer
   * build's doing. Without them the switch may be asked for again.
   */
  passedOver: string[]
  /** Deployments that took traffic before: now `draining`. */
  drained: Deployment[]
  /** Names of functions that were pruned; their deployments are among `drained`. */
  pruned: string[]
}

export interface Deployments {
  get(id: string): Promise<Deployment | null>
  /**
   * Newest first. `commit`: those that are of it or went, or stayed, live with a build of it; its beginning in lower-case hex will do.
   * What stays unchanged from commit to commit carries the last one only.
   */
  list(
    ownerId: string | null,
    filter: { functionName?: string; status?: Deployment['status']; commit?: string },
    page: Page
  ): Promise<Deployment[]>
  /** Everything that should run now: starting, live and draining ones. */
  running(): Promise<Deployment[]>
  /**
   * Makes deployments (status `starting`) for functions of a claimed build and claims their names.
   * Each gets the owner's variables over what `spec` declares, and the versions that its secrets have now; a set that this build found sealed comes before the owner's current one.
   * Idempotent: a deployment that this build already made for a function is returned as it is.
   * A redeploy makes them of what is live now, whatever else is wanted of it; a function that is not live any more,
   * or was paused before a redeploy for a changed configuration, is left out and becomes `skipped`.
   * Of a function that `mayStay` and of which just that is live already, the live one is returned: it is of another build.
   *
   * @throws Failure `name-taken` naming who has the function; `invalid-stack` for a secret that is not there any more; `lease-lost`;
   *   `superseded` when a redeploy has nothing left to do; `limit-exceeded` when the owner would have more than it may
   */
  prepare(buildId: string, holder: string, deployments: NewDeployment[], now: number): Promise<Deployment[]>
  /**
   * Stores how many replicas are wanted of a live deployment. A number that somebody chose `by: 'hand'` holds for this deployment;
   * none at all, chosen so, is like having gone there by itself. `'nobody'`: from now on load and idleness count again.
   * @throws Failure `not-found`; `conflict` when it is not live, or `by: 'load'` what somebody chose; `limit-exceeded` when the owner would have more than it may
   */
  setReplicas(id: string, replicas: number, by: 'hand' | 'load' | 'nobody'): Promise<Deployment>
  /** Stores where the replicas answer. */
  setEndpoints(id: string, endpoints: Endpoint[], replicas: number): Promise<void>
  /**
   * The switch. In one transaction: each function's live deployment is compared and set (`where generation < mine`), former ones
   * become `draining`, functions of the build's repository that are not in `keep` are pruned (null: nothing is pruned, nor are paused
   * ones or those deployed by API), and, when `finish` is set, the build ends `live`. Either all of it or nothing.
   * What stays live becomes this build's, and takes its commit and generation.
   *
   * @throws Failure `lease-lost`: somebody else has the roll-out, and its deployments are theirs now; `cancelled`: somebody asked for it;
   *   `unavailable`: something else took the place of what was to stay, so it has to be prepared again
   */
  switchLive(
    buildId: string,
    holder: string,
    change: { deploymentIds: string[]; keep: string[] | null; finish: boolean; pause: boolean },
    now: number
  ): Promise<SwitchResult>
  /** Ends one that is not live: `failed`, or `ended`. */
  end(id: string, status: 'failed' | 'ended', reason: string | null, now: number): Promise<void>
}

export interface NewDeployment {
  functionName: string
  clusterName: string
  image: ImageReference
  spec: FunctionSpec
  labels: Record<string, string>
  annotations: Record<string, string>
  replicas: number
  /** It is not made when the same is live already. */
  mayStay?: boolean
  /** For a rollback: the earlier deployment that is made to run again instead of a new one. */
  existingDeploymentId?: string
}
