import { automaticDeploysOff, type Repositories } from '@slipway/domain'
import { besideRef } from './build-conditions.ts'
import { queueBuild } from './build-queue.ts'
import { newBuildRow, toBuild } from './build-rows.ts'
import type { Database, Transaction } from './database.ts'
import { lockRepository, stopReason, toRepository } from './repositories.ts'
import type { BuildRow, RepositoryRow } from './schema.ts'

/** Did it come by itself, a push or a head that was seen, and nobody asked for it? */
export function isUnasked({ trigger }: Pick<BuildRow, 'trigger'>): boolean {
  return trigger === 'push' || trigger === 'head' || trigger === 'connect' || trigger === 'resume'
}

/** A head whose push was not heard of: it is shown, and told at the forge, as that push would have been. */
export async function insertSkipped(
  tx: Transaction,
  repository: RepositoryRow,
  ref: string,
  commit: string,
  now: number
): Promise<void> {
  const row = newBuildRow({
    owner_id: repository.owner_id,
    repository_id: repository.id,
    ref,
    commit,
    before: null,
    trigger: 'head',
    status: 'skipped',
    reason: automaticDeploysOff,
    created_at: now,
    finished_at: now
  })
  await tx.insertInto('builds').values(row).execute()
}

/**
 * The newest push, if it was left out because nobody had asked for it, and nobody has since. A newer head than that is found by
 * whoever builds it.
 */
async function findLeftOut(tx: Transaction, repositoryId: string): Promise<BuildRow | null> {
  const newest = await tx
    .selectFrom('builds')
    .selectAll()
    .where('repository_id', '=', repositoryId)
    .where('trigger', 'not in', [...besideRef, 'rebuild'])
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (newest?.status !== 'skipped' || newest.reason !== automaticDeploysOff) return null
  const asked = await tx
    .selectFrom('builds')
    .select('id')
    .where('commit', '=', newest.commit)
    .where('repository_id', '=', repositoryId)
    .where('trigger', '=', 'rebuild')
    .where('id', '>', newest.id)
    .limit(1)
    .executeTakeFirst()
  return asked === undefined ? newest : null
}

export function createAutomaticDeploys(database: Database): Pick<Repositories, 'setAutomatic'> {
  return {
    setAutomatic: (id, isAutomatic, by, now) =>
      database.write(async (tx) => {
        const before = await lockRepository(tx, id)
        const row = await tx
          .updateTable('repositories')
          .set({ is_automatic: isAutomatic ? 1 : 0 })
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirstOrThrow()
        const repository = toRepository(row)
        const isBack = isAutomatic && before.is_automatic === 0
        const leftOut = isBack && (await stopReason(tx, row)) === null ? await findLeftOut(tx, id) : null
        if (leftOut === null) return { repository, build: null }
        const { ref, commit, message } = leftOut
        const asked = { before: null, trigger: 'resume', sender: by, noCache: false } as const
        return { repository, build: toBuild(await queueBuild(tx, row, { ref, commit, message, ...asked }, now)) }
      })
  }
}
