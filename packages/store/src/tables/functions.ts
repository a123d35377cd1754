import type { DeploymentStatus, FunctionAccess, ScheduleRun } from '@slipway/domain'
import type { Generated, Selectable } from 'kysely'
import type { Flag } from './flag.ts'

export interface FunctionTables {
  functions: FunctionsTable
  deployments: DeploymentsTable
  schedule_runs: ScheduleRunsTable
  function_keys: FunctionKeysTable
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

export interface ScheduleRunsTable {
  owner_id: string
  function_name: string
  at: number
  outcome: ScheduleRun['outcome']
  reason: string | null
  call_id: string | null
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

export type FunctionRow = Selectable<FunctionsTable>
export type DeploymentRow = Selectable<DeploymentsTable>
