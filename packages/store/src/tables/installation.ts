import type { ServiceKind } from '@slipway/domain'

export interface InstallationTables {
  audit: AuditTable
  settings: SettingsTable
  services: ServicesTable
  leases: LeasesTable
  counters: CountersTable
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
