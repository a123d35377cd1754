import type { BuildIsolation, FunctionAccess } from '@slipway/domain'
import type { Generated, Selectable } from 'kysely'
import type { Flag } from './flag.ts'

export interface OwnerTables {
  owners: OwnersTable
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
  is_listed: Generated<Flag>
  suspended_at: Generated<number | null>
  suspension_reason: Generated<string | null>
  /** What was set for it; null: nothing. */
  limits_json: Generated<string | null>
  created_at: number
  /** Who may call its functions where nothing nearer says so. */
  access: FunctionAccess | null
}

export type OwnerRow = Selectable<OwnersTable>
