import { type Heads, judgeSeenHead, type RefKnowledge, type SeenBuild } from '@slipway/domain'
import { insertSkipped } from './automatic-deploys.ts'
import { isActive, isQueued } from './build-conditions.ts'
import { endBuild } from './build-end.ts'
import { queueBuild } from './build-queue.ts'
import { lockBuild, toBuild } from './build-rows.ts'
import type { Database, Transaction } from './database.ts'
import { isLeased } from './moments.ts'
import { findOwnerStop } from './owner-rows.ts'
import { lockRepository, nextGeneration, stopAtForge, toRepository } from './repositories.ts'
import type { BuildRow, RepositoryRow } from './schema.ts'

type SeenRow = Pick<BuildRow, 'id' | 'status' | 'cancel_requested_at' | 'started_at' | 'finished_at'>

function toSeen(row: SeenRow): SeenBuild {
  return {
    buildId: row.id,
    status: row.status,
    isCancelAsked: row.cancel_requested_at !== null,
    startedAt: row.started_at,
    finishedAt: row.finished_at
  }
}

function findObservation(tx: Transaction, repositoryId: string, ref: string) {
  return tx
    .selectFrom('ref_observations as seen')
    .leftJoin('builds', 'builds.id', 'seen.build_id')
    .select(['seen.commit', 'seen.build_id', 'seen.gone_at'])
    .select(['builds.status', 'builds.cancel_requested_at', 'builds.started_at', 'builds.finished_at'])
    .where('seen.repository_id', '=', repositoryId)
    .where('seen.ref', '=', ref)
    .executeTakeFirst()
}

async function isAllPaused(tx: Transaction, repositoryId: string): Promise<boolean> {
  const rows = await tx
    .selectFrom('functions')
    .select('is_paused')
    .where('repository_id', '=', repositoryId)
    .where((eb) => eb.or([eb('live_deployment_id', 'is not', null), eb('is_paused', '=', 1)]))
    .execute()
  return rows.length > 0 && rows.every((row) => row.is_paused === 1)
}

/** Everything that `judgeSeenHead` wants to know, of a repository that this transaction has locked. */
async function learn(tx: Transaction, repository: RepositoryRow, ref: string, head: string): Promise<RefKnowledge> {
  const seen = await findObservation(tx, repository.id, ref)
  const builds = await tx
    .selectFrom('builds')
    .select(['id', 'status', 'trigger', 'cancel_requested_at', 'started_at', 'finished_at'])
    .where('commit', '=', head)
    .where('repository_id', '=', repository.id)
    .where('ref', '=', ref)
    // These say nothing about the head.
    .where('trigger', 'not in', ['rollback', 'redeploy', 'configuration'])
    .orderBy('id', 'desc')
    .execute()
  const since = seen?.build_id ?? ''
  const ended = builds.find((build) => build.id > since && build.finished_at !== null)
  return {
    observation:
      seen === undefined
        ? null
        : {
            commit: seen.commit,
            // A build that retention has taken had nothing more to say.
            ...toSeen({ ...seen, id: seen.build_id, status: seen.status ?? 'superseded' })
          },
    ended: ended === undefined ? null : toSeen(ended),
    isUnderWay: builds.some((build) => build.finished_at === null),
    isEarlierCommit: builds.some((build) => build.id < since),
    isAutomatic: repository.is_automatic === 1,
    isPaused: await isAllPaused(tx, repository.id),
    errors: builds.filter((build) => build.status === 'error').length
  }
}

async function note(tx: Transaction, repositoryId: string, ref: string, commit: string, buildId: string) {
  const generation = await nextGeneration(tx, repositoryId)
  const seen = { commit, generation, build_id: buildId, gone_at: null }
  await tx
    .insertInto('ref_observations')
    .values({ repository_id: repositoryId, ref, ...seen })
    .onConflict((oc) => oc.columns(['repository_id', 'ref']).doUpdateSet(seen))
    .execute()
}

async function markGone(tx: Transaction, repositoryId: string, ref: string, goneAt: number | null): Promise<void> {
  await tx
    .updateTable('ref_observations')
    .set({ gone_at: goneAt })
    .where('repository_id', '=', repositoryId)
    .where('ref', '=', ref)
    .where('gone_at', goneAt === null ? 'is not' : 'is', null)
    .execute()
}

async function settle(tx: Transaction, repositoryId: string, ref: string, head: string | null, now: number) {
  const repository = await lockRepository(tx, repositoryId)
  if (stopAtForge(repository) !== null) return null
  await markGone(tx, repositoryId, ref, head === null ? now : null)
  // A branch that is gone is seen all the same: what is removed is not asked for.
  if (head === null || (await findOwnerStop(tx, repository.owner_id)) !== null) return null
  const decision = judgeSeenHead(head, await learn(tx, repository, ref, head), now)
  if (decision.course === 'note') await note(tx, repositoryId, ref, head, decision.buildId)
  if (decision.course === 'skip') await insertSkipped(tx, repository, ref, head, now)
  if (decision.course !== 'queue') return null
  const build = { ref, commit: head, before: null, trigger: 'head' as const, message: null, sender: null }
  return toBuild(await queueBuild(tx, repository, { ...build, noCache: false }, now))
}

export function createHeads(database: Database): Heads {
  return {
    watched: (forgeId, after, limit) =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom('repositories')
          .selectAll()
          .where('forge_id', '=', forgeId)
          .where('disconnected_at', 'is', null)
          .where('suspended_at', 'is', null)
          .$if(after !== null, (q) => q.where('id', '>', after))
          .orderBy('id')
          .limit(limit)
          .execute()
        return rows.map(toRepository)
      }),

    settle: (repositoryId, ref, head, now) => database.write((tx) => settle(tx, repositoryId, ref, head, now)),

    overtaken: () =>
      database.read(async (db) => {
        const running = await db
          .selectFrom('builds')
          .innerJoin('repositories', 'repositories.id', 'builds.repository_id')
          .selectAll('builds')
          .where(isActive)
          .where('builds.status', 'in', ['building', 'deploying'])
          .where('builds.trigger', 'not in', ['rebuild', 'rollback', 'redeploy', 'configuration'])
          .where('builds.cancel_requested_at', 'is', null)
          .where('repositories.policy', '=', 'override')
          .execute()
        const found: Awaited<ReturnType<Heads['overtaken']>> = []
        for (const build of running) {
          const waiting = await db
            .selectFrom('builds')
            .select('commit')
            .where('repository_id', '=', build.repository_id)
            .where('ref', '=', build.ref)
            .where(isQueued)
            .where('id', '>', build.id)
            .where('commit', '!=', build.commit)
            .orderBy('id')
            .execute()
          if (waiting.length === 0) continue
          const repository = await db
            .selectFrom('repositories')
            .selectAll()
            .where('id', '=', build.repository_id)
            .executeTakeFirstOrThrow()
          const commits = waiting.map(({ commit }) => commit)
          found.push({ build: toBuild(build), repository: toRepository(repository), waiting: commits })
        }
        return found
      }),

    supersede: (buildId, head, now) =>
      database.write(async (tx) => {
        const { build } = await lockBuild(tx, buildId)
        if (build.finished_at !== null || build.cancel_requested_at !== null) return false
        const reason = `the branch is at ${head.slice(0, 7)} now`
        if (!isLeased(build.lease_until, now)) {
          await endBuild(tx, build, { status: 'superseded', reason }, now)
          return true
        }
        await tx
          .updateTable('builds')
          .set((eb) => ({ cancel_requested_at: now, is_overtaken: 1, reason, version: eb('version', '+', 1) }))
          .where('id', '=', buildId)
          .execute()
        return true
      })
  }
}
