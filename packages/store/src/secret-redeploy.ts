import { queueRedeploys } from './build-redeploy.ts'
import type { Transaction } from './database.ts'
import type { BuildRow, DeploymentRow } from './schema.ts'
import { pinsOf } from './secret-pins.ts'

/** Deployments of an owner that run, or are about to, with one of these sets. Those of paused functions are not among them. */
export async function findUsers(
  tx: Transaction,
  ownerId: string,
  names: ReadonlySet<string>
): Promise<DeploymentRow[]> {
  const rows = await tx
    .selectFrom('deployments')
    .innerJoin('functions as fn', (join) =>
      join.onRef('fn.owner_id', '=', 'deployments.owner_id').onRef('fn.name', '=', 'deployments.function_name')
    )
    .selectAll('deployments')
    .where('deployments.owner_id', '=', ownerId)
    .where('deployments.status', 'in', ['starting', 'live'])
    .where('deployments.secrets_json', '!=', '[]')
    .where('fn.is_paused', '=', 0)
    .orderBy('deployments.id')
    .execute()
  return rows.filter((row) => pinsOf(row).some(({ name }) => names.has(name)))
}

/**
 * Queues redeploys of what runs with a former version of these sets.
 *
 * @param current versions by name
 */
export async function redeployUsers(
  tx: Transaction,
  ownerId: string,
  current: ReadonlyMap<string, string>,
  about: { by: string | null; exceptRepository: string | null },
  now: number
): Promise<BuildRow[]> {
  const users = await findUsers(tx, ownerId, new Set(current.keys()))
  const stale = users.filter(
    (deployment) =>
      // What is starting is looked at again when it goes live.
      deployment.status === 'live' &&
      deployment.repository_id !== about.exceptRepository &&
      pinsOf(deployment).some(({ name, versionId }) => current.has(name) && current.get(name) !== versionId)
  )
  const names = [...current.keys()].join(', ')
  return queueRedeploys(tx, stale, { by: about.by, message: `secret ${names} changed` }, now)
}
