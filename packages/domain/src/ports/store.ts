import type { Build, BuildFunction, BuildStatus, BuildTrigger, ImageReference, TerminalBuildStatus } from '../build.ts'
import type { Deployment, Endpoint, FunctionRecord, Route } from '../deployment.ts'
import type { ForgeEvent, ForgeOwner, ForgeRepository } from '../forge.ts'
import type { RefObservation } from '../head.ts'
import type { LogChunk } from '../log.ts'
import type { Owner, Repository } from '../repository.ts'
import type { FunctionSpec, StackWarning } from '../stack.ts'
import type { ReceivedDelivery } from './forge.ts'

/*
 * The system of record. Every method is one transaction: it happens whole or not at all, and once it has returned it is durable.
 * Every method may throw Failure `unavailable` (the database is away; retry). Ids are UUIDv7 texts, which sort by time.
 * Methods that a person's question leads to take the owner; null there means "the platform's administrator, all owners".
 */

export type DeliveryOutcome = 'queued' | 'skipped' | 'ignored' | 'duplicate' | 'accepted' | 'applied' | 'failed'

export interface DeliveryRecord {
  id: string
  forgeId: string
  deliveryId: string | null
  eventName: string
  repositoryId: string | null
  ref: string | null
  commit: string | null
  /** `accepted`: an event other than a push, still to be applied by `deployer`; `applied` or `failed` afterwards. */
  outcome: DeliveryOutcome
  reason: string | null
  buildId: string | null
  receivedAt: number
}

export interface RecordedDelivery {
  outcome: DeliveryOutcome
  reason: string | null
  buildId: string | null
}

export interface Deliveries {
  /**
   * Records deliveries, in order, in one transaction with the builds that they queue (group commit: many requests, one sync to disk).
   * Unique by (forge, delivery id): a known one changes nothing and returns what was recorded the first time, as outcome `duplicate`.
   * A push makes or updates its repository (and its owner, where the payload carries the owner's numeric id), is decided by
   * `decidePush`, and makes a build (`queued`, or `skipped` so that the skip is visible); a build of the same repository, ref,
   * commit and `before` that still waits is used instead of a second one. Events other than pushes are kept as `accepted`.
   */
  record(
    deliveries: { forgeId: string; delivery: ReceivedDelivery }[],
    installationBranch: string | null,
    now: number
  ): Promise<RecordedDelivery[]>
  /** Events to be applied: outcome `accepted` and due, oldest first. */
  due(now: number, limit: number): Promise<{ id: string; forgeId: string; event: ForgeEvent; attempt: number }[]>
  /** Ends an event: `applied`, `failed`, or (with `nextAttemptAt`) to be tried again. */
  settle(
    id: string,
    result: { outcome: 'applied' | 'failed' | 'retry'; reason: string | null; nextAttemptAt: number | null }
  ): Promise<void>
  list(ownerId: string | null, page: Page): Promise<DeliveryRecord[]>
}

/** Newest first, those before the cursor (an id). */
export interface Page {
  before: string | null
  limit: number
}

export interface Owners {
  get(id: string): Promise<Owner | null>
  findBySlug(slug: string): Promise<Owner | null>
  findByForge(forgeId: string, forgeOwnerId: string): Promise<Owner | null>
  /** The forge says that the owner is called otherwise now. Its slug stays. */
  rename(id: string, login: string): Promise<void>
  list(page: Page): Promise<Owner[]>
  /** Gives or changes a slug. @throws Failure `name-taken` naming who has it; `invalid-request` for one that is not allowed. */
  setSlug(id: string, slug: string): Promise<Owner>
}

export interface Repositories {
  get(id: string): Promise<Repository | null>
  findByForge(forgeId: string, forgeRepositoryId: string): Promise<Repository | null>
  list(ownerId: string | null, page: Page): Promise<Repository[]>
  /**
   * Stores a repository as the forge has it now: made when unknown, otherwise renamed, moved to its new owner, connected again.
   * The owner is made when unknown and gets `slugOf(login)` unless that is taken: then its slug stays null.
   * Builds of the repository that had no owner yet get it.
   */
  connect(forgeId: string, found: ForgeRepository & { owner: ForgeOwner }, now: number): Promise<Repository>
  /** Stops builds of it. Deletes nothing. */
  disconnect(id: string, now: number): Promise<void>
  setSuspended(forgeId: string, installationId: string, isSuspended: boolean, now: number): Promise<void>
  updateSettings(
    id: string,
    settings: Partial<Pick<Repository, 'branch' | 'stackPath' | 'isAtomic'>>
  ): Promise<Repository>
  /** Repositories with waiting builds whose owner is not known yet: to be looked up at the forge. */
  unresolved(limit: number): Promise<Repository[]>
  /** Every connected repository of an installation. */
  ofInstallation(forgeId: string, installationId: string): Promise<Repository[]>
}

/** What a build worker gets when it has claimed a build. */
export interface Claim {
  build: Build & { generation: number; ownerId: string }
  repository: Repository
  ownerSlug: string
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
  list(ownerId: string | null, filter: BuildFilter, page: Page): Promise<Build[]>
  functions(buildId: string): Promise<BuildFunction[]>
  /** Queues a build unless one of the same repository, ref and commit waits already (then that one is returned). */
  queue(build: NewBuild, now: number): Promise<Build>

  /**
   * Chooses what may run next and marks it dispatched.
   * A queued build is admitted when it is due (`nextAttemptAt`), its owner has a slug, no other build of its ref is dispatched,
   * building or deploying, its owner has fewer than `perOwner` builds dispatched or building, and fewer than `slots` are in all;
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
   * a build of the head is queued. @throws Failure `lease-lost`
   */
  giveWay(
    buildId: string,
    holder: string,
    verdict: { status: 'superseded' | 'skipped'; reason: string; head: string | null },
    now: number
  ): Promise<void>

  /** Writes the plan: the functions of the stack, and the stack's warnings. Replaces an earlier plan. @throws Failure `lease-lost` */
  plan(
    buildId: string,
    holder: string,
    functions: { name: string; spec: FunctionSpec }[],
    warnings: StackWarning[]
  ): Promise<void>
  updateFunction(buildId: string, name: string, change: Partial<Omit<BuildFunction, 'buildId' | 'name'>>): Promise<void>
  /** All images are there: `building` becomes `deploying`, without lease, to be dispatched. @throws Failure `lease-lost` */
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
    },
    now: number
  ): Promise<void>
  /** A waiting build is cancelled at once, a running one is marked and its worker stops it. Returns the build as it is then. @throws Failure `not-found`, `conflict` when it has ended */
  requestCancel(buildId: string, by: string, now: number): Promise<Build>
  /** Where the failure was found, for the commit's annotation; null when nowhere in particular. */
  failureLocation(buildId: string): Promise<{ path: string; line: number; column: number } | null>

  /** Makes a build of trigger `rollback` that is `deploying` at once, with the next generation, for the given earlier deployment. @throws Failure `not-found`, `conflict` */
  queueRollback(deploymentId: string, by: string, now: number): Promise<Build>
  /** How many are queued, building and deploying now. */
  counts(): Promise<Record<BuildStatus, number>>
}

export interface FunctionFilter {
  repositoryId?: string
}

export interface Functions {
  /** In the order of their cluster names; the page's cursor is the last one's. */
  list(ownerId: string | null, filter: FunctionFilter, page: Page): Promise<FunctionRecord[]>
  get(ownerId: string, name: string): Promise<FunctionRecord | null>
  /** The functions in the order given that somebody else has: names the holder. Empty when all may be used. */
  conflicts(ownerId: string, repositoryId: string, names: string[]): Promise<{ name: string; holder: string }[]>
  setPaused(ownerId: string, name: string, isPaused: boolean, now: number): Promise<FunctionRecord>
  /** Takes a function out of service: its live deployment becomes `draining`. The name stays its repository's. @throws Failure `not-found` */
  remove(ownerId: string, name: string, now: number): Promise<void>
  /** What gateways serve. */
  routes(): Promise<Route[]>
  /** Changes whenever `routes` may have changed: cheap to ask often. */
  routesVersion(): Promise<number>
}

export interface SwitchResult {
  /** False: a higher generation was there first; nothing was changed. */
  isSwitched: boolean
  /** Deployments that took traffic before: now `draining`. */
  drained: Deployment[]
  /** Names of functions that were pruned; their deployments are among `drained`. */
  pruned: string[]
}

export interface Deployments {
  get(id: string): Promise<Deployment | null>
  list(
    ownerId: string | null,
    filter: { functionName?: string; status?: Deployment['status'] },
    page: Page
  ): Promise<Deployment[]>
  /** Everything that should run now: starting, live and draining ones. */
  running(): Promise<Deployment[]>
  /**
   * Makes deployments (status `starting`) for functions of a claimed build and claims their names.
   * Idempotent: a deployment that this build already made for a function is returned as it is.
   * @throws Failure `name-taken` naming who has the function; `lease-lost`
   */
  prepare(buildId: string, holder: string, deployments: NewDeployment[], now: number): Promise<Deployment[]>
  /** Stores where the replicas answer. */
  setEndpoints(id: string, endpoints: Endpoint[], replicas: number): Promise<void>
  /**
   * The switch. In one transaction: each function's live deployment is compared and set (`where generation < mine`), former ones
   * become `draining`, functions of the build's repository that are not in `keep` are pruned (null: nothing is pruned, nor are paused
   * ones or those deployed by API), and, when `finish` is set, the build ends `live`. Either all of it or nothing.
   *
   * @throws Failure `lease-lost`: somebody else has the roll-out, and its deployments are theirs now
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
  /** For a rollback: the earlier deployment that is made to run again instead of a new one. */
  existingDeploymentId?: string
}

export interface Images {
  /** The image of a content key, per owner: strangers share no images. */
  find(ownerId: string, contentKey: string): Promise<ImageReference | null>
  save(ownerId: string, contentKey: string, image: ImageReference, now: number): Promise<void>
  /** The registry lost it. */
  forget(ownerId: string, contentKey: string): Promise<void>
}

export interface Logs {
  /** Appends chunks in order and numbers them. Several processes may write to one build, one after the other. */
  append(buildId: string, chunks: Omit<LogChunk, 'seq'>[]): Promise<void>
  /** Chunks after `afterSeq`, oldest first. */
  read(buildId: string, afterSeq: number, limit: number): Promise<LogChunk[]>
  /** The last lines of one function (or of everything), as text of at most `limit` characters. */
  tail(buildId: string, functionName: string | null, limit: number): Promise<string>
}

/** What was last sent to a forge about one commit and context. */
export interface SentStatus {
  context: string
  state: BuildStatus
  description: string
  externalId: string | null
}

/** Commit statuses are derived from builds; here stands only what still has to be told and what was told. */
export interface Reports {
  /**
   * Builds that changed since they were last told, are due, and are the newest build of their commit; their repository's owner is known.
   * Older builds of the same commit are marked told, for the newer one speaks.
   */
  due(now: number, limit: number): Promise<{ build: Build; version: number; attempt: number }[]>
  sent(repositoryId: string, commit: string): Promise<SentStatus[]>
  saveSent(repositoryId: string, commit: string, status: SentStatus): Promise<void>
  /** Everything up to `version` was told. */
  done(buildId: string, version: number): Promise<void>
  retryLater(buildId: string, nextReportAt: number): Promise<void>
}

export interface AuditEntry {
  id: string
  at: number
  actor: string
  action: string
  ownerId: string | null
  /** What was acted on: `build/<id>`, `function/<name>`, … */
  resource: string
  detail: Record<string, unknown>
}

export interface Audit {
  append(entry: Omit<AuditEntry, 'id'>): Promise<void>
  list(ownerId: string | null, page: Page): Promise<AuditEntry[]>
}

export interface Settings {
  get(key: string): Promise<string | null>
  /** Sets it unless it is set; returns what is set then. For what is made once: the installation's id, a token. */
  ensure(key: string, value: string): Promise<string>
  set(key: string, value: string): Promise<void>
  /** One holder at a time for work that must not run twice (dispatching, reporting). True while held by `holder`. */
  lease(name: string, holder: string, leaseMs: number, now: number): Promise<boolean>
}

export interface Store {
  deliveries: Deliveries
  owners: Owners
  repositories: Repositories
  builds: Builds
  functions: Functions
  deployments: Deployments
  images: Images
  logs: Logs
  reports: Reports
  audit: Audit
  settings: Settings
  /** Cheap: does the database answer? @throws Failure `unavailable` */
  ping(): Promise<void>
  close(): Promise<void>
}
