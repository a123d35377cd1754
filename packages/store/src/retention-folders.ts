import { imageFunctionOf, uploadForgeId } from '@slipway/domain'
import { batchLimit, pause } from './batches.ts'
import { isActive, isQueued } from './build-conditions.ts'
import type { Database, Transaction } from './database.ts'
import type { RepositoryRow } from './schema.ts'

type RemoveBuilds = (repositoryId: string, signal: AbortSignal) => Promise<number>

/** Takes away what images were deployed as by themselves, once it is long out of service. */
export function createFolderRetention(database: Database, removeBuildsOf: RemoveBuilds) {
  return {
    async removeImageFolders(olderThan: number, signal: AbortSignal): Promise<number> {
      let removed = 0
      for (let after = ''; ; ) {
        signal.throwIfAborted()
        const rows = await database.read((db) =>
          db
            .selectFrom('repositories')
            .selectAll()
            .where('forge_id', '=', uploadForgeId)
            .where('removed_at', '<', olderThan)
            .where('id', '>', after)
            .orderBy('id')
            .limit(batchLimit)
            .execute()
        )
        for (const { id, forge_id: forgeId, name } of rows) {
          if (imageFunctionOf({ forgeId, name }) === null) continue
          signal.throwIfAborted()
          // In the order in which one leads to the other.
          if (!(await database.write((tx) => forgetFunction(tx, id, olderThan)))) continue
          await removeBuildsOf(id, signal)
          if (await database.write((tx) => removeFolder(tx, id, olderThan))) removed += 1
          await pause()
        }
        after = rows.at(-1)?.id ?? after
        if (rows.length < batchLimit) return removed
      }
    }
  }
}

/** The folder, locked; undefined when it is in use, or again. */
async function findIdle(tx: Transaction, id: string, olderThan: number): Promise<RepositoryRow | undefined> {
  const folder = await tx
    .selectFrom('repositories')
    .selectAll()
    .where('id', '=', id)
    .where('removed_at', '<', olderThan)
    .forUpdate()
    .executeTakeFirst()
  if (folder === undefined) return undefined
  const running = await tx
    .selectFrom('deployments')
    .select('id')
    .where('repository_id', '=', id)
    .where('status', 'in', ['starting', 'live', 'draining'])
    .executeTakeFirst()
  const open = await tx
    .selectFrom('builds')
    .select('id')
    .where('repository_id', '=', id)
    .where((eb) => eb.or([isQueued, isActive]))
    .executeTakeFirst()
  return running === undefined && open === undefined ? folder : undefined
}

async function forgetFunction(tx: Transaction, id: string, olderThan: number): Promise<boolean> {
  if ((await findIdle(tx, id, olderThan)) === undefined) return false
  await tx.deleteFrom('deployments').where('repository_id', '=', id).execute()
  await tx.deleteFrom('ref_observations').where('repository_id', '=', id).execute()
  const functions = await tx.deleteFrom('functions').where('repository_id', '=', id).returningAll().execute()
  for (const { owner_id: ownerId, name } of functions) {
    await tx.deleteFrom('schedule_runs').where('owner_id', '=', ownerId).where('function_name', '=', name).execute()
  }
  return true
}

async function removeFolder(tx: Transaction, id: string, olderThan: number): Promise<boolean> {
  if ((await findIdle(tx, id, olderThan)) === undefined) return false
  const build = await tx.selectFrom('builds').select('id').where('repository_id', '=', id).executeTakeFirst()
  if (build !== undefined) return false
  await tx.deleteFrom('sent_statuses').where('repository_id', '=', id).execute()
  await tx.deleteFrom('repositories').where('id', '=', id).execute()
  return true
}
