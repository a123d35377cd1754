import type { Access, FunctionKeys } from './store/access.ts'
import type { Accounts, Memberships, Sessions, Tickets } from './store/accounts.ts'
import type { Audit } from './store/audit.ts'
import type { BuildQueue } from './store/build-queue.ts'
import type { Builds } from './store/builds.ts'
import type { Deliveries } from './store/deliveries.ts'
import type { Deployments } from './store/deployments.ts'
import type { ForgeApps, ForgeConnections } from './store/forge-apps.ts'
import type { Functions } from './store/functions.ts'
import type { Heads } from './store/heads.ts'
import type { Images } from './store/images.ts'
import type { Limits } from './store/limits.ts'
import type { Logs } from './store/logs.ts'
import type { Notifications } from './store/notifications.ts'
import type { Owners } from './store/owners.ts'
import type { Removals } from './store/removals.ts'
import type { Reports } from './store/reports.ts'
import type { Repositories } from './store/repositories.ts'
import type { Retention } from './store/retention.ts'
import type { Schedules } from './store/schedules.ts'
import type { SealingKeys, Secrets } from './store/secrets.ts'
import type { Services } from './store/services.ts'
import type { Settings } from './store/settings.ts'
import type { Tokens } from './store/tokens.ts'
import type { Traffic } from './store/traffic.ts'
import type { Variables } from './store/variables.ts'

/**
 * The system of record. Every method is one transaction: it happens whole or not at all, and once it has returned it is durable.
 * Every method may throw Failure `unavailable` (the database is away; retry). Ids are UUIDv7 texts, which sort by time.
 * Methods that a person's question leads to take the owner; null there means "the platform's administrator, all owners".
 */
export interface Store {
  deliveries: Deliveries
  owners: Owners
  repositories: Repositories
  builds: Builds
  queue: BuildQueue
  heads: Heads
  removals: Removals
  functions: Functions
  deployments: Deployments
  images: Images
  limits: Limits
  logs: Logs
  reports: Reports
  audit: Audit
  settings: Settings
  services: Services
  variables: Variables
  schedules: Schedules
  secrets: Secrets
  sealingKeys: SealingKeys
  forgeApps: ForgeApps
  forgeConnections: ForgeConnections
  notifications: Notifications
  access: Access
  functionKeys: FunctionKeys
  traffic: Traffic
  tokens: Tokens
  retention: Retention
  accounts: Accounts
  sessions: Sessions
  tickets: Tickets
  memberships: Memberships
  /** Cheap: does the database answer? @throws Failure `unavailable` */
  ping(): Promise<void>
  close(): Promise<void>
}
