import { isUploaded } from '@slipway/domain'
import type { Reader } from './database.ts'
import type { FunctionRow } from './schema.ts'

/**
 * Who has a name that a repository wants, in words; null when it may have it. A name is had by whoever's deployment answers
 * or starts under it: a function that was removed keeps its row, and another repository of the same owner may take it over.
 */
export async function holderOf(
  db: Reader,
  wanted: { ownerId: string; ownerSlug: string; repositoryId: string; name: string; clusterName: string },
  row: FunctionRow | undefined
): Promise<string | null> {
  if (row !== undefined && row.repository_id !== wanted.repositoryId) {
    if (row.repository_id === null && row.live_deployment_id !== null) return 'a function deployed by API'
    const isStarting = await db
      .selectFrom('deployments')
      .select('id')
      .where('owner_id', '=', wanted.ownerId)
      .where('function_name', '=', wanted.name)
      .where('cluster_name', '=', row.cluster_name)
      .where('status', '=', 'starting')
      .limit(1)
      .executeTakeFirst()
    if (row.live_deployment_id !== null || isStarting !== undefined) return repositoryName(db, row.repository_id)
  }
  return holderOfClusterName(db, wanted)
}

async function repositoryName(db: Reader, id: string | null): Promise<string> {
  const row =
    id === null
      ? undefined
      : await db.selectFrom('repositories').select(['full_name', 'forge_id']).where('id', '=', id).executeTakeFirst()
  if (row === undefined) return 'a function deployed by API'
  return isUploaded({ forgeId: row.forge_id }) ? `the deployed folder ${row.full_name}` : `repository ${row.full_name}`
}

/** Owner `a` with `b-c` and owner `a-b` with `c` want one name: who was there first keeps it, and what still runs under it counts. */
async function holderOfClusterName(
  db: Reader,
  wanted: { ownerId: string; name: string; clusterName: string }
): Promise<string | null> {
  const named = await db
    .selectFrom('functions')
    .select(['owner_id', 'owner_slug', 'name'])
    .where('cluster_name', '=', wanted.clusterName)
    .executeTakeFirst()
  if (named !== undefined && (named.owner_id !== wanted.ownerId || named.name !== wanted.name)) {
    return `function "${named.name}" of owner "${named.owner_slug}"`
  }
  const running = await db
    .selectFrom('deployments')
    .select(['owner_id', 'owner_slug', 'function_name'])
    .where('cluster_name', '=', wanted.clusterName)
    .where('status', 'in', ['starting', 'live', 'draining'])
    .where((eb) => eb.or([eb('owner_id', '!=', wanted.ownerId), eb('function_name', '!=', wanted.name)]))
    .limit(1)
    .executeTakeFirst()
  return running === undefined ? null : `function "${running.function_name}" of owner "${running.owner_slug}"`
}
