import type { ForgeConnectionStatus, ForgeKind, ForgeSecretUse } from '@slipway/domain'
import type { Selectable } from 'kysely'
import type { Flag } from './flag.ts'

export interface ForgeTables {
  forge_apps: ForgeAppsTable
  forge_secrets: ForgeSecretsTable
  forge_connections: ForgeConnectionsTable
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

export type ForgeAppRow = Selectable<ForgeAppsTable>
export type ForgeSecretRow = Selectable<ForgeSecretsTable>
export type ForgeConnectionRow = Selectable<ForgeConnectionsTable>
