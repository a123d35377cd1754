import type { NewBuild } from '@slipway/domain'
import { isQueued } from './build-conditions.ts'
import { newBuildRow } from './build-rows.ts'
import type { Transaction } from './database.ts'
import type { BuildRow, RepositoryRow } from './schema.ts'

/**
 * Queues a build in a repository that this transaction has locked, unless one of the same ref and commit waits already.
 * A rebuild that meets a waiting build makes that one a rebuild: what somebody asked for is built, head or not.
 */
export async function queueBuild(
  tx: Transaction,
  repository: RepositoryRow,
  build: Omit<NewBuild, 'repositoryId'>,
  now: number
): Promise<BuildRow> {
  const waiting = await tx
    .selectFrom('builds')
    .selectAll()
    .where('repository_id', '=', repository.id)
    .where('ref', '=', build.ref)
    .where('commit', '=', build.commit)
    .where(isQueued)
    .orderBy('id')
    .limit(1)
    .forUpdate()
    .executeTakeFirst()
  if (waiting === undefined) {
    const row = newBuildRow({
      owner_id: repository.owner_id,
      repository_id: repository.id,
      ref: build.ref,
      commit: build.commit,
      before: build.before,
      trigger: build.trigger,
      status: 'queued',
      message: build.message,
      sender: build.sender,
      no_cache: build.noCache ? 1 : 0,
      created_at: now
    })
    return tx.insertInto('builds').values(row).returningAll().executeTakeFirstOrThrow()
  }
  // What was built already is not built again for a push, but for a function that was left out then.
  if (build.trigger === 'resume' && waiting.trigger !== 'rebuild') return asTrigger(tx, waiting, { trigger: 'resume' })
  if (build.trigger !== 'rebuild' || (waiting.trigger === 'rebuild' && (waiting.no_cache === 1 || !build.noCache))) {
    return waiting
  }
  return asTrigger(tx, waiting, {
    trigger: 'rebuild',
    sender: build.sender ?? waiting.sender,
    no_cache: build.noCache ? 1 : waiting.no_cache
  })
}

function asTrigger(tx: Transaction, { id }: BuildRow, change: Partial<BuildRow>): Promise<BuildRow> {
  return tx
    .updateTable('builds')
    .set((eb) => ({ ...change, version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Tells the reporter that a build's functions changed. */
export async function touchBuild(tx: Transaction, buildId: string): Promise<void> {
  await tx
    .updateTable('builds')
    .set((eb) => ({ version: eb('version', '+', 1) }))
    .where('id', '=', buildId)
    .execute()
}
