import { type FunctionSpec, specWithVariables, type Variable, variablesFor } from '@slipway/domain'
import type { Reader, Transaction } from './database.ts'
import type { VariableRow } from './schema.ts'

function toVariable(row: VariableRow): Variable {
  const { scope, scope_id: id, used_in: use, name, value, updated_at: updatedAt, updated_by: updatedBy } = row
  const about = { use, name, value, updatedAt, updatedBy }
  if (scope === 'owner') return { scope: { kind: 'owner' }, ...about }
  return scope === 'repository'
    ? { scope: { kind: 'repository', repositoryId: id }, ...about }
    : { scope: { kind: 'function', functionName: id }, ...about }
}

export async function findVariables(db: Reader, ownerId: string): Promise<Variable[]> {
  const rows = await db
    .selectFrom('variables')
    .selectAll()
    .where('owner_id', '=', ownerId)
    .orderBy('scope')
    .orderBy('scope_id')
    .orderBy('used_in')
    .orderBy('name')
    .execute()
  return rows.map(toVariable)
}

/**
 * Holds an owner's variables as they are until the transaction ends: who makes a deployment of them, and who changes them, go one
 * after the other, so that either the deployment has the change or the change sees the deployment.
 */
export async function lockVariables(tx: Transaction, ownerId: string): Promise<void> {
  await tx
    .insertInto('variable_versions')
    .values({ owner_id: ownerId, version: 1 })
    .onConflict((oc) => oc.column('owner_id').doUpdateSet((eb) => ({ version: eb.ref('variable_versions.version') })))
    .execute()
}

/** What a function runs with. */
export async function specNow(
  tx: Transaction,
  of: { ownerId: string; repositoryId: string | null },
  declared: FunctionSpec
): Promise<FunctionSpec> {
  await lockVariables(tx, of.ownerId)
  const about = { repositoryId: of.repositoryId, functionName: declared.name, use: 'runtime' as const }
  return specWithVariables(declared, variablesFor(await findVariables(tx, of.ownerId), about))
}
