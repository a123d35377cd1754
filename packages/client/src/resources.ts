import {
  BuildFunctionStatus,
  BuildIsolation,
  BuildPolicy,
  BuildStatus,
  BuildTrigger,
  functionAccesses,
  ImageReference,
  LogChunk
} from '@slipway/domain'
import Type, { type Static, type TSchema } from 'typebox'
import { WaitView } from './wait-view.ts'

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Text = Type.String()
/** Epoch milliseconds. */
const Time = Type.Integer()

export const Problem = Type.Object(
  {
    type: Text,
    title: Text,
    status: Type.Integer(),
    /** What happened and what to do. */
    detail: Text,
    /** The failure's code, stable: programs look at this. */
    code: Text
  },
  { $id: 'Problem', description: 'RFC 9457 problem details' }
)

export const OwnerView = Type.Object(
  {
    id: Text,
    forgeId: Text,
    login: Text,
    slug: Nullable(Text),
    /** How its builds are kept apart; null: as the installation does. */
    buildIsolation: Nullable(BuildIsolation),
    /** False: an allow list is kept, and the owner is not on it: nothing of it is built or deployed. */
    isListed: Type.Boolean(),
    /** Nothing of it is built or deployed, for this reason; null: it is. */
    suspension: Nullable(Type.Object({ at: Time, reason: Text })),
    createdAt: Time
  },
  { $id: 'Owner' }
)

export const RepositoryView = Type.Object(
  {
    id: Text,
    owner: Nullable(Text),
    forgeId: Text,
    fullName: Text,
    defaultBranch: Text,
    isPrivate: Type.Boolean(),
    branch: Nullable(Text),
    stackPath: Nullable(Text),
    isAtomic: Type.Boolean(),
    /** What becomes of a running build when the branch moves on. */
    policy: BuildPolicy,
    /** Pushes are built and deployed by themselves; otherwise they are recorded, and somebody asks for what is to go live. */
    isAutomatic: Type.Boolean(),
    /** Everybody may see its builds, logs and functions, while it is not private at its forge. */
    hasPublicPages: Type.Boolean(),
    /** Who may call its functions that do not say so themselves; null: as its owner says. */
    access: Nullable(Type.Enum([...functionAccesses])),
    connectedAt: Time,
    /** Lost at the forge: its functions go when the grace period is over. */
    disconnectedAt: Nullable(Time),
    removedAt: Nullable(Time),
    /** Its page at the forge, and with `{commit}` in it a commit's; null where the forge is not configured any more. */
    url: Nullable(Text),
    commitUrl: Nullable(Text)
  },
  { $id: 'Repository' }
)

export const BuildFunctionView = Type.Object(
  {
    name: Text,
    status: BuildFunctionStatus,
    reason: Nullable(Text),
    contentKey: Nullable(Text),
    image: Nullable(ImageReference),
    isReused: Type.Boolean(),
    deploymentId: Nullable(Text),
    startedAt: Nullable(Time),
    builtAt: Nullable(Time),
    finishedAt: Nullable(Time)
  },
  { $id: 'BuildFunction' }
)

/** A place in a repository, and its page at the forge. */
const PlaceView = Type.Object({ path: Text, line: Type.Integer(), column: Type.Integer(), url: Nullable(Text) })

export const BuildView = Type.Object(
  {
    id: Text,
    owner: Nullable(Text),
    repositoryId: Text,
    repository: Text,
    ref: Text,
    commit: Text,
    before: Nullable(Text),
    trigger: BuildTrigger,
    status: BuildStatus,
    reason: Nullable(Text),
    generation: Nullable(Type.Integer()),
    attempt: Type.Integer(),
    nextAttemptAt: Nullable(Time),
    message: Nullable(Text),
    sender: Nullable(Text),
    warnings: Type.Array(Type.Object({ ...PlaceView.properties, message: Text })),
    /** The commit's page at the forge. */
    commitUrl: Nullable(Text),
    createdAt: Time,
    startedAt: Nullable(Time),
    deployingAt: Nullable(Time),
    finishedAt: Nullable(Time)
  },
  { $id: 'Build' }
)

export const BuildDetail = Type.Object(
  {
    ...BuildView.properties,
    functions: Type.Array(BuildFunctionView),
    /** Where the reason was found, most often a line of stack.yml. */
    failure: Nullable(PlaceView),
    /** Why it does not go on at this moment; null: it does, or has ended. */
    waitsFor: Nullable(WaitView),
    /** 1 is next of all that waits here; null: it has none before what it waits for is over, or runs. */
    turn: Nullable(Type.Integer())
  },
  { $id: 'BuildDetail' }
)

export const DeploymentView = Type.Object(
  {
    id: Text,
    owner: Text,
    function: Text,
    name: Text,
    generation: Type.Integer(),
    source: Type.Enum(['git', 'api']),
    status: Type.Enum(['starting', 'live', 'draining', 'ended', 'failed']),
    image: ImageReference,
    /** Versions of secrets that it was made with. */
    secrets: Type.Array(Type.Object({ name: Text, versionId: Text })),
    commit: Nullable(Text),
    buildId: Nullable(Text),
    replicas: Type.Integer(),
    /** Somebody chose so many: load and idleness do not change that. */
    isScaledByHand: Type.Boolean(),
    reason: Nullable(Text),
    createdAt: Time,
    liveAt: Nullable(Time),
    endedAt: Nullable(Time)
  },
  { $id: 'Deployment' }
)

/** What differs between two deployments of a function; null: it is not there. */
export const ComparisonView = Type.Object(
  {
    differences: Type.Array(Type.Object({ name: Text, before: Nullable(Text), after: Nullable(Text) }))
  },
  { $id: 'Comparison' }
)
export type ComparisonView = Static<typeof ComparisonView>

export const SecretView = Type.Object(
  {
    owner: Text,
    /** Without the owner. */
    name: Text,
    origin: Type.Enum(['api', 'sealed']),
    /** Which repository seals it. */
    repository: Nullable(Text),
    /** Names of the files that a function gets. Values are never told. */
    keys: Type.Array(Text),
    versionId: Text,
    createdAt: Time,
    updatedAt: Time
  },
  { $id: 'Secret' }
)

export const SealingKeyView = Type.Object(
  { fingerprint: Text, isCurrent: Type.Boolean(), isImported: Type.Boolean(), createdAt: Time },
  { $id: 'SealingKey' }
)

/** When a function is called by itself. */
export const ScheduleView = Type.Object({
  /** Cron expressions. */
  expressions: Type.Array(Text),
  timezone: Text,
  /** It is called also while its former scheduled call is under way. */
  isOverlapAllowed: Type.Boolean(),
  /** null: it is paused, not live, or never due again. */
  nextAt: Nullable(Time),
  /** When it was last due; a call that was skipped has its reason. */
  last: Nullable(Type.Object({ at: Time, outcome: Type.Enum(['called', 'skipped']), reason: Nullable(Text) }))
})
export type ScheduleView = Static<typeof ScheduleView>

export const FunctionView = Type.Object(
  {
    owner: Text,
    name: Text,
    clusterName: Text,
    /** Where it answers; null while nothing is live or no public address is configured. */
    url: Nullable(Text),
    repositoryId: Nullable(Text),
    isPaused: Type.Boolean(),
    /** null: it is not called by itself. */
    schedule: Nullable(ScheduleView),
    live: Nullable(DeploymentView),
    createdAt: Time,
    updatedAt: Time
  },
  { $id: 'Function' }
)

export const DeliveryView = Type.Object(
  {
    id: Text,
    forgeId: Text,
    deliveryId: Nullable(Text),
    event: Text,
    repositoryId: Nullable(Text),
    ref: Nullable(Text),
    commit: Nullable(Text),
    outcome: Type.Enum(['queued', 'skipped', 'ignored', 'duplicate', 'accepted', 'applied', 'failed']),
    reason: Nullable(Text),
    buildId: Nullable(Text),
    receivedAt: Time
  },
  { $id: 'Delivery' }
)

export const CleanUpView = Type.Object(
  {
    removed: Type.Array(Type.Object({ what: Text, count: Type.Integer(), bytes: Nullable(Type.Integer()) })),
    problems: Type.Array(Text)
  },
  { $id: 'CleanUp' }
)

/** A value outside git. `repository` and `function`: null but for the scope of that name. */
export const VariableView = Type.Object(
  {
    scope: Type.Enum(['owner', 'repository', 'function']),
    repositoryId: Nullable(Text),
    function: Nullable(Text),
    use: Type.Enum(['runtime', 'build']),
    name: Text,
    value: Text,
    updatedAt: Time,
    updatedBy: Text
  },
  { $id: 'Variable' }
)

const source = Type.Enum(['stack.yml', 'owner', 'repository', 'function'])

export const EnvironmentView = Type.Object(
  {
    /** What the next deployment runs with, each value with where it comes from and what it stands over. */
    runtime: Type.Array(
      Type.Object({
        name: Text,
        value: Text,
        source,
        over: Type.Array(Type.Object({ source, value: Text }))
      })
    ),
    /** What `${NAME}` in stack.yml stands for. */
    build: Type.Array(
      Type.Object({ name: Text, value: Text, source, over: Type.Array(Type.Object({ source, value: Text })) })
    ),
    /** The live deployment runs with other values: it waits to be deployed again, or is paused. */
    isLiveOtherwise: Type.Boolean()
  },
  { $id: 'Environment' }
)

export const AuditView = Type.Object(
  {
    id: Text,
    at: Time,
    actor: Text,
    action: Text,
    owner: Nullable(Text),
    resource: Text,
    detail: Type.Record(Text, Type.Unknown())
  },
  { $id: 'Audit' }
)
export type AuditView = Static<typeof AuditView>

export const RunningView = Type.Object(
  {
    deploymentId: Text,
    owner: Text,
    name: Text,
    replicas: Type.Integer(),
    availableReplicas: Type.Integer(),
    /** What the store says of it; `unknown`: nothing. Such a one is left alone: an older backup may have been restored. */
    status: Type.Enum(['starting', 'live', 'draining', 'ended', 'failed', 'unknown']),
    createdAt: Time
  },
  { $id: 'Running' }
)

export type RunningView = Static<typeof RunningView>
export type OwnerView = Static<typeof OwnerView>
export type RepositoryView = Static<typeof RepositoryView>
export type BuildFunctionView = Static<typeof BuildFunctionView>
export type BuildView = Static<typeof BuildView>
export type BuildDetail = Static<typeof BuildDetail>
export type DeploymentView = Static<typeof DeploymentView>
export type SecretView = Static<typeof SecretView>
export type FunctionView = Static<typeof FunctionView>
export type VariableView = Static<typeof VariableView>
export type EnvironmentView = Static<typeof EnvironmentView>
export type DeliveryView = Static<typeof DeliveryView>
export type CleanUpView = Static<typeof CleanUpView>
export { LogChunk }
