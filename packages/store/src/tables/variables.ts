import type { VariableUse } from '@slipway/domain'
import type { Selectable } from 'kysely'

export interface VariableTables {
  variables: VariablesTable
  variable_versions: VariableVersionsTable
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

export type VariableRow = Selectable<VariablesTable>
