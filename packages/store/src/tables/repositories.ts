import type { BuildPolicy, FunctionAccess } from '@slipway/domain'
import type { Generated, Selectable } from 'kysely'
import type { Flag } from './flag.ts'

export interface RepositoryTables {
  repositories: RepositoriesTable
  ref_observations: RefObservationsTable
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

export type RepositoryRow = Selectable<RepositoriesTable>
