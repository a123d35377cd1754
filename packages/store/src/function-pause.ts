import { Failure, type Functions } from '@slipway/domain'
import { queueBuild } from './build-queue.ts'
import { insertRedeploy } from './build-redeploy.ts'
import { toBuild } from './build-rows.ts'
import type { Database, Transaction } from './database.ts'
import { isStale } from './deployment-configuration.ts'
import { toFunctionRecord } from './function-rows.ts'
import { lockRepository, stopReason } from './repositories.ts'
import type { BuildRow, FunctionRow } from './schema.ts'

async function setPaused(tx: Transaction, ownerId: string, name: string, isPaused: 0 | 1, now: number) {
  const row = await tx
    .updateTable('functions')
    .set({ is_paused: isPaused, updated_at: now })
    .where('owner_id', '=', ownerId)
    .where('name', '=', name)
    .returningAll()
    .executeTakeFirst()
  if (row === undefined) throw new Failure('not-found', `there is no function "${name}"`)
  return row
}

/** What was last seen to be the head of the repository's production branch, whatever that is. */
function lastSeen(tx: Transaction, repositoryId: string) {
  return tx
    .selectFrom('ref_observations')
    .select(['ref', 'commit'])
    .where('repository_id', '=', repositoryId)
    .where('gone_at', 'is', null)
    .orderBy('generation', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** Brings what a function missed while it was paused; null when it missed nothing. */
async function catchUp(tx: Transaction, fn: FunctionRow, by: string, now: number): Promise<BuildRow | null> {
  const { repository_id: repositoryId, live_deployment_id: liveId } = fn
  if (repositoryId === null) return null
  const repository = await lockRepository(tx, repositoryId)
  if ((await stopReason(tx, repository)) !== null) return null
  const live =
    liveId === null
      ? undefined
      : await tx.selectFrom('deployments').selectAll().where('id', '=', liveId).executeTakeFirst()
  const head = await lastSeen(tx, repositoryId)
  // Of a repository whose automatic deploys are off, a push that was left out goes on waiting to be asked for.
  if (repository.is_automatic === 1 && head !== undefined && head.commit !== live?.commit) {
    const about = {
      before: null,
      trigger: 'resume',
      message: `resumes ${fn.name}`,
      sender: by,
      noCache: false
    } as const
    return queueBuild(tx, repository, { ref: head.ref, commit: head.commit, ...about }, now)
  }
  if (live === undefined || !(await isStale(tx, live.build_id ?? '', live))) return null
  const about = { trigger: 'configuration', by, message: `resumes ${fn.name}` } as const
  return insertRedeploy(tx, repository, { repositoryId, functions: [fn.name], ...about }, [live], now)
}

export function createPausing(database: Database): Pick<Functions, 'pause' | 'resume'> {
  return {
    pause: (ownerId, name, now) =>
      database.write(async (tx) => toFunctionRecord(await setPaused(tx, ownerId, name, 1, now))),
    resume: (ownerId, name, by, now) =>
      database.write(async (tx) => {
        const before = await tx
          .selectFrom('functions')
          .selectAll()
          .where('owner_id', '=', ownerId)
          .where('name', '=', name)
          .executeTakeFirst()
        if (before === undefined) throw new Failure('not-found', `there is no function "${name}"`)
        // Before the function's own row, in the order of everything that switches.
        const build = before.is_paused === 1 ? await catchUp(tx, before, by, now) : null
        const row = await setPaused(tx, ownerId, name, 0, now)
        return { record: toFunctionRecord(row), build: build === null ? null : toBuild(build) }
      })
  }
}
