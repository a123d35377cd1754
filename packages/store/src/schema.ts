import type {
  BuildFunctionStatus,
  BuildIsolation,
  BuildPolicy,
  BuildStatus,
  BuildTrigger,
  DeliveryOutcome,
  DeploymentStatus,
  ForgeConnectionStatus,
  ForgeKind,
  ForgeSecretUse,
  FunctionAccess,
  LogChunk,
  LogStep,
  NotificationStatus,
  Right,
  ScheduleRun,
  SecretOrigin,
  ServiceKind,
  SinkKind,
  TokenScope,
  VariableUse
} from '@slipway/domain'
import type { Generated, Insertable, Selectable } from 'kysely'

/*
 * The tables, as both databases have them. Ids are UUIDv7 texts, times epoch milliseconds, flags 0 or 1,
 * columns that end in `_json` hold JSON that only this package writes.
 */

type Flag = 0 | 1

export interface Schema {
  owners: OwnersTable
  repositories: RepositoriesTable
  ref_observations: RefObservationsTable
  deliveries: DeliveriesTable
  builds: BuildsTable
  build_functions: BuildFunctionsTable
  functions: FunctionsTable
  deployments: DeploymentsTable
  images: ImagesTable
  pushed_images: PushedImagesTable
  log_chunks: LogChunksTable
  sent_statuses: SentStatusesTable
  audit: AuditTable
  settings: SettingsTable
  schedule_runs: ScheduleRunsTable
  services: ServicesTable
  leases: LeasesTable
  counters: CountersTable
  secret_sets: SecretSetsTable
  secret_versions: SecretVersionsTable
  build_secrets: BuildSecretsTable
  sealing_keys: SealingKeysTable
  variables: VariablesTable
  variable_versions: VariableVersionsTable
  forge_apps: ForgeAppsTable
  forge_secrets: ForgeSecretsTable
  forge_connections: ForgeConnectionsTable
  accounts: AccountsTable
  sessions: SessionsTable
  tickets: TicketsTable
  memberships: MembershipsTable
  notification_sinks: NotificationSinksTable
  notifications: NotificationsTable
  function_keys: FunctionKeysTable
  traffic_minutes: TrafficTable
  traffic_hours: TrafficTable
  traffic_senders: TrafficSendersTable
  tokens: TokensTable
}

export interface OwnersTable {
  id: string
  forge_id: string
  forge_owner_id: string
  login: string
  slug: string | null
  /** Turn in which one of its builds was last admitted; the lowest is served next. */
  served_turn: number
  build_isolation: Generated<BuildIsolation | null>
  /** On the allow list, or there is none. */
  is_listed: Generated<0 | 1>
  suspended_at: Generated<number | null>
  suspension_reason: Generated<string | null>
  /** What was set for it; null: nothing. */
  limits_json: Generated<string | null>
  created_at: number
  /** Who may call its functions where nothing nearer says so. */
  access: FunctionAccess | null
}

export interface RepositoriesTable {
  id: string
  owner_id: string | null
  forge_id: string
  forge_repository_id: string
  name: string
  full_name: string
  /** Who may call its functions where these do not say so themselves. */
  access: FunctionAccess | null
  default_branch: string
  is_private: Flag
  installation_id: string | null
  branch: string | null
  stack_path: string | null
  is_atomic: Flag
  policy: Generated<BuildPolicy>
  has_public_pages: Generated<Flag>
  /** Pushes are built by themselves. */
  is_automatic: Generated<Flag>
  /** The last generation that was given to a build. */
  generation: number
  connected_at: number
  disconnected_at: number | null
  /** Its functions were removed. */
  removed_at: number | null
  suspended_at: number | null
  /** Who last saw it at the forge, and who that it is connected there. */
  seen_by: string | null
  connection_seen_by: string | null
}

export interface RefObservationsTable {
  repository_id: string
  ref: string
  commit: string
  generation: number
  build_id: string
  /** Since when the forge says that there is no such ref. */
  gone_at: number | null
}

export interface DeliveriesTable {
  id: string
  forge_id: string
  delivery_id: string | null
  event_name: string
  repository_id: string | null
  ref: string | null
  commit: string | null
  outcome: DeliveryOutcome
  reason: string | null
  build_id: string | null
  /** The event, where one is still to be applied; pushes live on in their builds. */
  event_json: string | null
  attempt: number
  next_attempt_at: number | null
  received_at: number
}

export interface BuildsTable {
  id: string
  owner_id: string | null
  repository_id: string
  ref: string
  commit: string
  before: string | null
  trigger: BuildTrigger
  status: BuildStatus
  reason: string | null
  generation: number | null
  attempt: number
  next_attempt_at: number | null
  message: string | null
  sender: string | null
  no_cache: Flag
  warnings_json: string
  failure_location_json: string | null
  created_at: number
  started_at: number | null
  deploying_at: number | null
  finished_at: number | null
  cancel_requested_at: number | null
  /** It is being stopped because its ref moved on: it ends superseded instead of cancelled. */
  is_overtaken: Generated<Flag>
  /** Counts the jobs that were made of it. */
  dispatch: number
  /** When its job was put on the queue; null: it has none. */
  dispatched_at: number | null
  lease_holder: string | null
  lease_until: number | null
  /** Claims of this stage that came to no end: a build that kills its workers shows here. */
  claims: number
  last_log_seq: number
  /** Incremented with every change that a commit status could tell. */
  version: number
  reported_version: number
  report_attempt: number
  next_report_at: number | null
}

export interface BuildFunctionsTable {
  build_id: string
  name: string
  /** Place in the stack. */
  position: number
  status: BuildFunctionStatus
  reason: string | null
  spec_json: string | null
  content_key: string | null
  image_json: string | null
  is_reused: Flag
  deployment_id: string | null
  started_at: number | null
  built_at: number | null
  finished_at: number | null
}

export interface FunctionsTable {
  owner_id: string
  name: string
  owner_slug: string
  cluster_name: string
  repository_id: string | null
  live_deployment_id: string | null
  generation: number
  is_paused: Flag
  /** Who may call it; null: as the repository or the owner says. */
  access: FunctionAccess | null
  created_at: number
  updated_at: number
}

export interface DeploymentsTable {
  id: string
  owner_id: string
  owner_slug: string
  repository_id: string | null
  build_id: string | null
  function_name: string
  cluster_name: string
  generation: number
  source: 'git' | 'api'
  image_json: string
  spec_json: string
  /** Pins: set and version. */
  secrets_json: string
  /** What the repository says, without variables over it; null: the same as the spec. */
  declared_spec_json: string | null
  redeploy_of: string | null
  labels_json: string
  annotations_json: string
  commit: string | null
  replicas: number
  is_scaled_by_hand: Generated<Flag>
  status: DeploymentStatus
  endpoints_json: string
  /** Copied from the spec, so that routes are read without parsing specs. */
  write_timeout_ms: number
  reason: string | null
  created_at: number
  live_at: number | null
  ended_at: number | null
}

export interface ImagesTable {
  owner_id: string
  content_key: string
  image_json: string
  created_at: number
}

/** What is in the registry because a build pushed it. A content key that was built again leaves its former image here. */
export interface PushedImagesTable {
  repository: string
  digest: string
  owner_id: string
  tag: string
  pushed_at: number
  /** When a build last took it, newly made or again. */
  used_at: number
  /** It is being removed from the registry, or the process that did was stopped. */
  removing_at: number | null
  /** What it takes in the registry; null: pushed by a version that did not ask. */
  layers_json: Generated<string | null>
}

export interface LogChunksTable {
  build_id: string
  seq: number
  at: number
  step: LogStep
  function_name: string | null
  stream: LogChunk['stream']
  text: string
}

export interface SentStatusesTable {
  repository_id: string
  commit: string
  context: string
  state: BuildStatus
  description: string
  external_id: string | null
}

export interface AuditTable {
  id: string
  at: number
  actor: string
  action: string
  owner_id: string | null
  resource: string
  detail_json: string
}

export interface SettingsTable {
  key: string
  value: string
}

export interface ServicesTable {
  id: string
  kind: ServiceKind
  host: string
  version: string
  started_at: number
  seen_at: number
  facts_json: string
}

export interface ScheduleRunsTable {
  owner_id: string
  function_name: string
  at: number
  outcome: ScheduleRun['outcome']
  reason: string | null
  call_id: string | null
}

export interface LeasesTable {
  name: string
  holder: string
  lease_until: number
}

/** `admission`: the turn of the owner that was served last; its row is also the lock of admission. `routes`: the routes' version. */
export interface CountersTable {
  /** `oldest-program`: the number of the last migration that a program has to know to work with this database. */
  name: 'admission' | 'routes' | 'traffic' | 'oldest-program'
  value: number
}

export interface SecretSetsTable {
  owner_id: string
  name: string
  origin: SecretOrigin
  /** Who sealed it; null for one that was put by API. */
  repository_id: string | null
  /** What it was once sealed under in a namespace that owners share: it stays this owner's, so that nobody takes its sealed values. */
  shared_name: string | null
  /** The current one; null: there is none, and the name is free. */
  version_id: string | null
  /** Of the build that made a sealed set current. */
  generation: number
  created_at: number
  updated_at: number
}

export interface SecretVersionsTable {
  id: string
  owner_id: string
  name: string
  keys_json: string
  ciphertext: string
  key_id: string
  created_at: number
}

/** What a build found sealed in its repository. */
export interface BuildSecretsTable {
  build_id: string
  name: string
  version_id: string
}

export interface SealingKeysTable {
  fingerprint: string
  certificate: string | null
  ciphertext: string
  key_id: string
  created_at: number
}

/** `scope_id`: nothing for an owner, a repository's id, a function's name. */
export interface VariablesTable {
  owner_id: string
  scope: 'owner' | 'repository' | 'function'
  scope_id: string
  used_in: VariableUse
  name: string
  value: string
  updated_at: number
  updated_by: string
}

/** A row of each owner that is the lock of its variables. */
export interface VariableVersionsTable {
  owner_id: string
  version: number
}

export interface ForgeAppsTable {
  forge_id: string
  kind: ForgeKind
  base_url: string
  api_url: string
  app_id: string
  slug: string
  html_url: string
  owner_login: string
  is_organization: Flag
  client_id: string | null
  is_hook_active: Flag
  created_at: number
}

export interface ForgeSecretsTable {
  id: string
  forge_id: string
  used_for: ForgeSecretUse
  ciphertext: string
  key_id: string
  created_at: number
  expires_at: number | null
}

export interface ForgeConnectionsTable {
  id: string
  state_hash: string
  instance_json: string
  organization: string | null
  manifest_json: string
  replaces: string | null
  started_by: string
  started_at: number
  expires_at: number
  status: ForgeConnectionStatus
  reason: string | null
  app_id: string | null
}

/** Of one function, calls that ended in the minute or hour that began then. */
export interface TrafficTable {
  owner_id: string
  function_name: string
  at: number
  calls: number
  errors: number
  running: number
  codes_json: string
  latency_json: string
}

/** Up to which batch a gateway's counts are in the tables. */
export interface TrafficSendersTable {
  sender: string
  number: number
  /** Of the last minute that it told of. */
  at: number
}

export interface FunctionKeysTable {
  id: string
  owner_id: string
  /** SHA-256, in hex. */
  hash: string
  name: string
  is_own: Flag
  function_name: string | null
  created_by: string
  created_at: number
  expires_at: number | null
}

/** Where people want to be told. */
export interface NotificationSinksTable {
  id: string
  owner_id: string | null
  kind: SinkKind
  host: string
  topics_json: string
  ciphertext: string
  key_id: string
  created_by: string
  created_at: number
}

export interface NotificationsTable {
  id: string
  sink_id: string
  event_id: string
  message_json: string
  status: NotificationStatus
  attempts: number
  next_attempt_at: number
  reason: string | null
  created_at: number
}

export type NotificationSinkRow = Selectable<NotificationSinksTable>
export type NotificationRow = Selectable<NotificationsTable>
export type ForgeAppRow = Selectable<ForgeAppsTable>
export type ForgeSecretRow = Selectable<ForgeSecretsTable>
export type ForgeConnectionRow = Selectable<ForgeConnectionsTable>
export interface AccountsTable {
  id: string
  forge_id: string
  forge_user_id: string
  login: string
  name: string | null
  /** Of former versions. */
  avatar_url: string | null
  is_administrator: Flag
  created_at: number
  signed_in_at: number
  /** When the forge last said what the account may; null: never, or it takes the credential no more. */
  asked_at: number | null
  /** A process is asking. */
  asking_until: number | null
  credential: string | null
  credential_key_id: string | null
}

export interface SessionsTable {
  id: string
  token_hash: string
  account_id: string | null
  created_at: number
  idle_until: number
  expires_at: number
}

export interface TicketsTable {
  kind: string
  hash: string
  data: string
  expires_at: number
}

/** What an account's forge says that it may, by the forge's ids. */
export interface MembershipsTable {
  account_id: string
  /** `slug`: an owner by its name here. */
  scope: 'owner' | 'repository' | 'slug'
  forge_object_id: string
  granted: Right
}

export type AccountRow = Selectable<AccountsTable>
export type SessionRow = Selectable<SessionsTable>
export interface TokensTable {
  id: string
  /** SHA-256 of the token, which is 32 random bytes: nothing slower is needed. */
  hash: string
  owner_id: string
  name: string
  scope: TokenScope
  account_id: string | null
  parent_id: string | null
  created_by: string
  created_at: number
  expires_at: number
  last_used_at: number | null
}

export type TokenRow = Selectable<TokensTable>
export type VariableRow = Selectable<VariablesTable>
export type BuildRow = Selectable<BuildsTable>
export type NewBuildRow = Insertable<BuildsTable>
export type BuildFunctionRow = Selectable<BuildFunctionsTable>
export type DeploymentRow = Selectable<DeploymentsTable>
export type FunctionRow = Selectable<FunctionsTable>
export type OwnerRow = Selectable<OwnersTable>
export type RepositoryRow = Selectable<RepositoriesTable>
export type SecretSetRow = Selectable<SecretSetsTable>
export type SecretVersionRow = Selectable<SecretVersionsTable>
export type DeliveryRow = Selectable<DeliveriesTable>
