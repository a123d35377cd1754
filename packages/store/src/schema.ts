import type { BuildTables } from './tables/builds.ts'
import type { DeliveryTables } from './tables/deliveries.ts'
import type { ForgeTables } from './tables/forges.ts'
import type { FunctionTables } from './tables/functions.ts'
import type { ImageTables } from './tables/images.ts'
import type { InstallationTables } from './tables/installation.ts'
import type { NotificationTables } from './tables/notifications.ts'
import type { OwnerTables } from './tables/owners.ts'
import type { PeopleTables } from './tables/people.ts'
import type { RepositoryTables } from './tables/repositories.ts'
import type { SecretTables } from './tables/secrets.ts'
import type { TrafficTables } from './tables/traffic.ts'
import type { VariableTables } from './tables/variables.ts'

export type * from './tables/builds.ts'
export type * from './tables/deliveries.ts'
export type * from './tables/forges.ts'
export type * from './tables/functions.ts'
export type * from './tables/images.ts'
export type * from './tables/installation.ts'
export type * from './tables/notifications.ts'
export type * from './tables/owners.ts'
export type * from './tables/people.ts'
export type * from './tables/repositories.ts'
export type * from './tables/secrets.ts'
export type * from './tables/traffic.ts'
export type * from './tables/variables.ts'

/**
 * The tables, as both databases have them. Ids are UUIDv7 texts, times epoch milliseconds, flags 0 or 1,
 * columns that end in `_json` hold JSON that only this package writes.
 */
export interface Schema
  extends BuildTables,
    DeliveryTables,
    ForgeTables,
    FunctionTables,
    ImageTables,
    InstallationTables,
    NotificationTables,
    OwnerTables,
    PeopleTables,
    RepositoryTables,
    SecretTables,
    TrafficTables,
    VariableTables {}
