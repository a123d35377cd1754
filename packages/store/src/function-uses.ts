import { type FunctionSpec, type FunctionUse, firstReplicas, greaterUse, startsOnCall, useOf } from '@slipway/domain'
import type { Reader } from './database.ts'
import type { DeploymentRow } from './schema.ts'

/**
 * What an owner's functions take, by their names. Of a version that is being started beside the live one either may be live in a
 * moment, so the greater counts; what a build itself prepared counts instead of what is live.
 */
export async function usesOf(db: Reader, ownerId: string, buildId: string | null): Promise<Map<string, FunctionUse>> {
  const rows = await db
    .selectFrom('deployments')
    .select(['function_name', 'replicas', 'spec_json', 'build_id'])
    .where('owner_id', '=', ownerId)
    .where('status', 'in', ['starting', 'live'])
    .execute()
  const uses = new Map<string, FunctionUse>()
  const isOwn = (row: Pick<DeploymentRow, 'build_id'>) => buildId !== null && row.build_id === buildId
  for (const row of rows.filter((one) => !isOwn(one))) {
    const known = uses.get(row.function_name)
    const use = useOfRow(row)
    uses.set(row.function_name, known === undefined ? use : greaterUse(known, use))
  }
  for (const row of rows.filter(isOwn)) uses.set(row.function_name, useOfRow(row))
  return uses
}

/** One that sleeps keeps its place: nobody can call it back otherwise. */
export function useOfRow({ replicas, spec_json: json }: Pick<DeploymentRow, 'replicas' | 'spec_json'>): FunctionUse {
  const spec = JSON.parse(json) as FunctionSpec
  return useOf(replicas === 0 && startsOnCall(spec.labels) ? firstReplicas(spec) : replicas, spec)
}
