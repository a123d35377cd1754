import type { Reports } from '@slipway/domain'
import type { ExpressionBuilder } from 'kysely'
import { toBuild } from './build-rows.ts'
import type { Database, Transaction } from './database.ts'
import { isColumnDue } from './moments.ts'
import type { BuildsTable, Schema } from './schema.ts'

/** Has come to something: such a build has something to say about its commit. */
const speaking = ['deploying', 'live', 'failed', 'error', 'cancelled'] as const
/** So has one of these when it got as far as a plan; before that it has only looked at the head, to give way perhaps. */
const speakingWithPlan = ['building', 'superseded'] as const

type Compared = ExpressionBuilder<Schema & { newer: BuildsTable }, 'builds' | 'newer'>

function speaks(eb: Compared, table: 'builds' | 'newer') {
  return eb.or([
    eb(`${table}.status`, 'in', speaking),
    eb.and([
      eb(`${table}.status`, 'in', speakingWithPlan),
      eb.exists((one) =>
        one.selectFrom('build_functions').select('build_id').whereRef('build_functions.build_id', '=', `${table}.id`)
      )
    ])
  ])
}

/**
 * A page of builds that have something to tell, and whether another build of the same commit speaks for them: a newer one
 * that came to something, or, for one that waits or was passed over, any other that did.
 */
function findUntold(tx: Transaction, now: number, limit: number) {
  return tx
    .selectFrom('builds')
    .innerJoin('repositories', 'repositories.id', 'builds.repository_id')
    .selectAll('builds')
    .select((eb) =>
      eb
        .selectFrom('builds as newer')
        .select('newer.id')
        .whereRef('newer.commit', '=', 'builds.commit')
        .whereRef('newer.repository_id', '=', 'builds.repository_id')
        .whereRef('newer.id', '!=', 'builds.id')
        .where((newer) => speaks(newer, 'newer'))
        .where((newer) =>
          newer.or([newer('newer.id', '>', newer.ref('builds.id')), newer.not(speaks(newer, 'builds'))])
        )
        .limit(1)
        .as('newer_id')
    )
    .whereRef('builds.version', '>', 'builds.reported_version')
    .where('repositories.owner_id', 'is not', null)
    .where(isColumnDue('builds.next_report_at', now))
    .orderBy('builds.id')
    .limit(limit)
    .execute()
}

async function silence(tx: Transaction, ids: string[]): Promise<void> {
  await tx
    .updateTable('builds')
    .set((eb) => ({ reported_version: eb.ref('version') }))
    .where('id', 'in', ids)
    .execute()
}

export function createReports(database: Database): Reports {
  return {
    due: (now, limit) =>
      database.write(async (tx) => {
        for (;;) {
          const rows = await findUntold(tx, now, limit)
          const older = rows.filter((row) => row.newer_id !== null)
          if (older.length === 0) {
            return rows.map((row) => ({ build: toBuild(row), version: row.version, attempt: row.report_attempt }))
          }
          // They leave the page, which is then filled again: each round is one less to come.
          await silence(
            tx,
            older.map((row) => row.id)
          )
        }
      }),
    sent: (repositoryId, commit) =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom('sent_statuses')
          .selectAll()
          .where('repository_id', '=', repositoryId)
          .where('commit', '=', commit)
          .orderBy('context')
          .execute()
        return rows.map(({ context, state, description, external_id: externalId }) => ({
          context,
          state,
          description,
          externalId
        }))
      }),
    saveSent: (repositoryId, commit, { context, state, description, externalId }) =>
      database.write(async (tx) => {
        const said = { state, description, external_id: externalId }
        await tx
          .insertInto('sent_statuses')
          .values({ repository_id: repositoryId, commit, context, ...said })
          .onConflict((oc) => oc.columns(['repository_id', 'commit', 'context']).doUpdateSet(said))
          .execute()
      }),
    done: (buildId, version) =>
      database.write(async (tx) => {
        await tx
          .updateTable('builds')
          .set({ reported_version: version, report_attempt: 0, next_report_at: null })
          .where('id', '=', buildId)
          .where('reported_version', '<', version)
          .execute()
      }),
    retryLater: (buildId, nextReportAt) =>
      database.write(async (tx) => {
        await tx
          .updateTable('builds')
          .set((eb) => ({ report_attempt: eb('report_attempt', '+', 1), next_report_at: nextReportAt }))
          .where('id', '=', buildId)
          .execute()
      })
  }
}
