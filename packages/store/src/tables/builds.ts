import type { BuildFunctionStatus, BuildStatus, BuildTrigger, FailureCode, LogChunk, LogStep } from '@slipway/domain'
import type { Generated, Insertable, Selectable } from 'kysely'
import type { Flag } from './flag.ts'

export interface BuildTables {
  builds: BuildsTable
  build_functions: BuildFunctionsTable
  log_chunks: LogChunksTable
  sent_statuses: SentStatusesTable
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
  failure_code: FailureCode | null
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

export type BuildRow = Selectable<BuildsTable>
export type NewBuildRow = Insertable<BuildsTable>
export type BuildFunctionRow = Selectable<BuildFunctionsTable>
