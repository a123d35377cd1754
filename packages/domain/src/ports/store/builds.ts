import type {
  Build,
  BuildFunction,
  BuildStatus,
  BuildTrigger,
  RedeployTrigger,
  TerminalBuildStatus
} from '../../build.ts'
import type { FailureCode } from '../../failure.ts'
import type { RefObservation } from '../../head.ts'
import type { BuildIsolation, Repository } from '../../repository.ts'
import type { Whose } from '../../rights.ts'
import type { FunctionSpec, StackWarning } from '../../stack.ts'
import type { Page } from './page.ts'

/** What a build worker gets when it has claimed a build. */
export interface Claim {
  build: Build & { generation: number; ownerId: string }
  repository: Repository
  ownerSlug: string
  /** Its owner's; null: as the installation does. */
  buildIsolation: BuildIsolation | null
  /** What was last seen of the ref before this claim. */
  observation: RefObservation | null
}

export interface NewBuild {
  repositoryId: string
  ref: string
  commit: string
  before: string | null
  trigger: BuildTrigger
  message: string | null
  sender: string | null
  noCache: boolean
}

export interface NewRedeploy {
  repositoryId: string
  /** Names, at least one. */
  functions: string[]
  trigger: RedeployTrigger
  by: string | null
  /** Stands where a commit's message stands: what it is for. Names no values. */
  message: string
}

export interface NewUpload {
  ownerId: string
  /** Of the folder. The same name again is a newer version of the same. */
  name: string
  /** The id of what was sent. */
  commit: string
  sender: string | null
  /** Stands where a commit's message stands. */
  message: string | null
}

export interface BuildFilter {
  repositoryId?: string
  ref?: string
  commit?: string
  status?: BuildStatus
}

/** A job to be put on the queue: the next stage of a build, and a number that makes its job id new each time. */
export interface AdmittedJob {
  buildId: string
  stage: 'build' | 'deploy'
  dispatch: number
}

/** Admission, claims and the life of a build. The store is the truth; a queue job is only a hint that a build is due. */
export interface Builds {
  get(id: string): Promise<Build | null>
  list(whose: Whose, filter: BuildFilter, page: Page): Promise<Build[]>
  functions(buildId: string): Promise<BuildFunction[]>
  /**
   * Queues a build unless one of the same repository, ref and commit waits already (then that one is returned).
   * @throws Failure `conflict` when the owner is not on the allow list, or is suspended
   */
  queue(build: NewBuild, now: number): Promise<Build>
  /**
   * Queues a build of a folder that was sent. What waits or runs of the same name gives way: it ends superseded, running ones by
   * their workers, which are to be told (`overtaken`). The same content that waits or runs already is returned instead.
   *
   * @throws Failure `not-found` for an owner that is not known or has no slug yet; `conflict` for one that is suspended or not listed
   */
  queueUpload(upload: NewUpload, now: number): Promise<{ build: Build; overtaken: string[] }>

  /**
   * Chooses what may run next and marks it dispatched.
   * A queued build is admitted when it is due (`nextAttemptAt`), its owner has a slug, no other build of its ref is dispatched,
   * building or deploying (rollbacks and redeploys aside), its owner has fewer than `perOwner` (or its own limit) builds dispatched or building, and fewer than `slots` are in all;
   * the least recently served owner comes first, within it the oldest build; being admitted serves the owner.
   * Also returned: dispatched or active builds without a valid lease whose dispatch is older than `redispatchMs`
   * (a lost job, a killed worker), and deploying builds that were never dispatched.
   */
  admit(limits: { slots: number; perOwner: number; redispatchMs: number }, now: number): Promise<AdmittedJob[]>
  /** Takes a dispatch back because the queue did not take the job. */
  undispatch(buildId: string): Promise<void>

  /**
   * Takes a build for building: `queued` (or `building` with an expired lease) becomes `building`, with the repository's
   * next generation and a lease. null when it is not to be had: another worker holds it, or it has ended.
   * A build that was claimed more than 10 times without an end becomes `error`: it kills its workers.
   */
  claim(buildId: string, holder: string, leaseMs: number, now: number): Promise<Claim | null>
  /** Takes a `deploying` build for its roll-out, likewise; its generation stays. `observation` is null. */
  claimDeploy(buildId: string, holder: string, leaseMs: number, now: number): Promise<Claim | null>
  /** Keeps the lease. `isHeld: false`: it was lost, stop at once. `isCancelled`: somebody asked to cancel. */
  renew(
    buildId: string,
    holder: string,
    leaseMs: number,
    now: number
  ): Promise<{ isHeld: boolean; isCancelled: boolean }>

  /**
   * The claimed build's commit is the head: stores the observation, and ends older waiting builds of the ref as `superseded`.
   * @throws Failure `lease-lost`
   */
  observe(buildId: string, holder: string, now: number): Promise<void>
  /**
   * The head is not the claimed build's commit: the build ends `superseded` (or `skipped` for a duplicate) and, unless `head` is null or already waiting,
   * a build of the head is queued; what waits before that ends `superseded`. @throws Failure `lease-lost`
   */
  giveWay(
    buildId: string,
    holder: string,
    verdict: { status: 'superseded' | 'skipped'; reason: string; head: string | null },
    now: number
  ): Promise<void>

  /**
   * Writes the plan: the functions of the stack, and the stack's warnings. Replaces an earlier plan.
   * @throws Failure `lease-lost`; `limit-exceeded` when the owner would have more than it may once they are live
   */
  plan(
    buildId: string,
    holder: string,
    functions: { name: string; spec: FunctionSpec }[],
    warnings: StackWarning[]
  ): Promise<void>
  updateFunction(buildId: string, name: string, change: Partial<Omit<BuildFunction, 'buildId' | 'name'>>): Promise<void>
  /** All images are there: `building` becomes `deploying`, without lease, to be dispatched. @throws Failure `lease-lost`, `cancelled` */
  handOver(buildId: string, holder: string, now: number): Promise<void>

  /** A stopped worker gives its build back; no attempt is counted. Does nothing when the lease is lost. */
  giveBack(buildId: string, holder: string, now: number): Promise<void>
  /** A failure of ours: counts an attempt and waits until `nextAttemptAt`. Does nothing when the lease is lost. */
  retryLater(buildId: string, holder: string, reason: string, nextAttemptAt: number): Promise<void>
  /**
   * Ends a build, and its unfinished functions with it. `holder` null: not by a worker, only while nobody holds a lease.
   * @throws Failure `lease-lost`, `invalid-transition`
   */
  finish(
    buildId: string,
    holder: string | null,
    end: {
      status: TerminalBuildStatus
      reason: string | null
      location?: { path: string; line: number; column: number }
      /** Of the failure that ended it. */
      code?: FailureCode
    },
    now: number
  ): Promise<void>
  /** A waiting build is cancelled at once, a running one is marked and its worker stops it: from then on it goes no step further, and never live. Returns the build as it is then. @throws Failure `not-found`, `conflict` when it has ended */
  requestCancel(buildId: string, by: string, now: number): Promise<Build>
  /** Where the failure was found, for the commit's annotation; null when nowhere in particular. */
  failureLocation(buildId: string): Promise<{ path: string; line: number; column: number } | null>
  /** Which failure ended it, for programs; null when none did. */
  failureCode(buildId: string): Promise<FailureCode | null>

  /** Makes a build of trigger `rollback` that is `deploying` at once, with the next generation, for the given earlier deployment. @throws Failure `not-found`, `conflict` */
  queueRollback(deploymentId: string, by: string, now: number): Promise<Build>
  /**
   * Makes a build that is `deploying` at once and deploys what is live of the named functions anew, under the configuration that
   * holds when its roll-out begins. It takes only the place of what is live then, under the same generation: a newer push is never
   * held back, nor its version overtaken. One of the same trigger that was not begun yet takes the functions along and is returned.
   *
   * @throws Failure `not-found`; `conflict` when one of them is not live, or nothing of the repository may be deployed
   */
  queueRedeploy(redeploy: NewRedeploy, now: number): Promise<Build>
  /** How many are queued, building and deploying now. */
  counts(): Promise<Record<BuildStatus, number>>
}
