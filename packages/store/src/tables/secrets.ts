import type { SecretOrigin } from '@slipway/domain'
import type { Selectable } from 'kysely'

export interface SecretTables {
  secret_sets: SecretSetsTable
  secret_versions: SecretVersionsTable
  build_secrets: BuildSecretsTable
  sealing_keys: SealingKeysTable
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

export type SecretSetRow = Selectable<SecretSetsTable>
export type SecretVersionRow = Selectable<SecretVersionsTable>
