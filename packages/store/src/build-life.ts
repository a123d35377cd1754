import { assertTransition, type Builds } from '@slipway/domain'
import { isQueued } from './build-conditions.ts'
import { endBuild } from './build-end.ts'
import { queueBuild } from './build-queue.ts'
import { assertWanted, leaseLost, lockBuild, lockHeldBuild, released, whileHeld } from './build-rows.ts'
import type { Database, Transaction } from './database.ts'
import { isLeased } from './moments.ts'
import { assertPlan } from './quota.ts'
import type { BuildRow } from './schema.ts'

type Life = 'observe' | 'giveWay' | 'plan' | 'handOver' | 'giveBack' | 'retryLater' | 'finish'

/** Waiting builds of the ref that are older than the one that was seen to be the head: nobody needs them any more. */
async function supersedeOlder(tx: Transaction, build: BuildRow, now: number): Promise<void> {
  const older = await tx
    .selectFrom('builds')
    .selectAll()
    .where('repository_id', '=', build.repository_id)
    .where('ref', '=', build.ref)
    .where(isQueued)
    .where('trigger', '!=', 'rebuild')
    .where('id', '<', build.id)
    .orderBy('id')
    .forUpdate()
    .execute()
  for (const row of older) {
    await endBuild(tx, row, { status: 'superseded', reason: 'a newer push took its place' }, now)
  }
}

/** While a build that was passed over had the word of its commit, others of the commit were not heard: they are told anew. */
async function letSpeakAgain(tx: Transaction, build: BuildRow): Promise<void> {
  await tx
    .updateTable('builds')
    .set((eb) => ({ version: eb('version', '+', 1) }))
    .where('repository_id', '=', build.repository_id)
    .where('commit', '=', build.commit)
    .where('id', '!=', build.id)
    .execute()
}

/** Lets a build go without an end. One that somebody asked to cancel ends here: nobody would come back for it. */
async function letGo(tx: Transaction, build: BuildRow, change: Partial<BuildRow>, now: number): Promise<void> {
  if (build.cancel_requested_at !== null) {
    await endBuild(tx, build, { status: 'cancelled', reason: build.reason }, now)
    return
  }
  await tx
    .updateTable('builds')
    .set((eb) => ({
      ...released,
      // A roll-out stays where it is, a build begins again.
      status: build.status === 'building' ? 'queued' : build.status,
      version: eb('version', '+', 1),
      ...change
    }))
    .where('id', '=', build.id)
    .execute()
}

export function createBuildLife(database: Database): Pick<Builds, Life> {
  return {
    observe: (buildId, holder, now) =>
      database.write(async (tx) => {
        const { build } = await lockHeldBuild(tx, buildId, holder)
        const seen = { commit: build.commit, generation: build.generation ?? 0, build_id: build.id, gone_at: null }
        await tx
          .insertInto('ref_observations')
          .values({ repository_id: build.repository_id, ref: build.ref, ...seen })
          .onConflict((oc) =>
            oc
              .columns(['repository_id', 'ref'])
              .doUpdateSet(seen)
              .where('ref_observations.generation', '<', seen.generation)
          )
          .execute()
        await supersedeOlder(tx, build, now)
      }),

    giveWay: (buildId, holder, { status, reason, head }, now) =>
      database.write(async (tx) => {
        const { build, repository } = await lockHeldBuild(tx, buildId, holder)
        await endBuild(tx, build, { status, reason }, now)
        if (status === 'skipped') await letSpeakAgain(tx, build)
        if (head === null) return
        const next = { ref: build.ref, commit: head, before: null, message: null, sender: null, noCache: false }
        const queued = await queueBuild(tx, repository, { ...next, trigger: 'head' }, now)
        // None of those that wait before it is the head: they need not be looked at one by one.
        await supersedeOlder(tx, queued, now)
      }),

    plan: (buildId, holder, functions, warnings) =>
      database.write(async (tx) => {
        const { build, repository } = await lockHeldBuild(tx, buildId, holder)
        await assertPlan(tx, build, repository, functions)
        await tx
          .updateTable('builds')
          .set((eb) => ({ warnings_json: JSON.stringify(warnings), version: eb('version', '+', 1) }))
          .where('id', '=', buildId)
          .execute()
        await tx.deleteFrom('build_functions').where('build_id', '=', buildId).execute()
        if (functions.length === 0) return
        const rows = functions.map(({ name, spec }, position) => ({
          build_id: buildId,
          name,
          position,
          status: 'planned' as const,
          spec_json: JSON.stringify(spec),
          is_reused: 0 as const
        }))
        await tx.insertInto('build_functions').values(rows).execute()
      }),

    handOver: (buildId, holder, now) =>
      database.write(async (tx) => {
        const { build } = await lockHeldBuild(tx, buildId, holder)
        assertTransition(build.status, 'deploying')
        assertWanted(build)
        await tx
          .updateTable('builds')
          .set((eb) => ({
            ...released,
            status: 'deploying',
            deploying_at: now,
            claims: 0,
            version: eb('version', '+', 1)
          }))
          .where('id', '=', buildId)
          .execute()
      }),

    giveBack: (buildId, holder, now) =>
      whileHeld(database, buildId, holder, (tx, build) =>
        letGo(tx, build, { next_attempt_at: null, claims: Math.max(0, build.claims - 1) }, now)
      ),

    retryLater: (buildId, holder, reason, nextAttemptAt) =>
      whileHeld(database, buildId, holder, (tx, build) =>
        letGo(
          tx,
          build,
          // The worker came back alive: its claim does not count towards those that killed theirs.
          { reason, attempt: build.attempt + 1, next_attempt_at: nextAttemptAt, claims: 0 },
          build.cancel_requested_at ?? nextAttemptAt
        )
      ),

    finish: (buildId, holder, end, now) =>
      database.write(async (tx) => {
        const { build } = await lockBuild(tx, buildId)
        const isHeldByAnother = build.lease_holder !== null && isLeased(build.lease_until, now)
        if (holder === null ? isHeldByAnother : build.lease_holder !== holder) throw leaseLost(buildId)
        // Who cancelled it is known by now; its worker only stopped.
        const isAskedFor = end.status === 'cancelled' && build.cancel_requested_at !== null
        await endBuild(tx, build, isAskedFor ? { ...end, reason: build.reason } : end, now)
      })
  }
}
