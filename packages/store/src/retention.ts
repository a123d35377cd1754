import type { Retention } from '@slipway/domain'
import { batchLimit, sweep } from './batches.ts'
import type { Database } from './database.ts'
import { createBuildRetention } from './retention-builds.ts'
import { createFolderRetention } from './retention-folders.ts'
import { createImageRetention } from './retention-images.ts'
import { createTrafficRetention } from './retention-traffic.ts'
import { rollbackCandidates } from './rollback-candidates.ts'

const unfinished = ['queued', 'building', 'deploying'] as const

function removeDeployments(database: Database, ids: string[]): Promise<number> {
  return database.write(async (tx) => {
    const gone = await tx
      .deleteFrom('deployments')
      .where('id', 'in', ids)
      .where('status', 'in', ['ended', 'failed'])
      // A rollback to it may wait for its turn.
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('build_functions')
              .innerJoin('builds', 'builds.id', 'build_functions.build_id')
              .select('build_functions.build_id')
              .whereRef('build_functions.deployment_id', '=', 'deployments.id')
              .where('builds.status', 'in', unfinished)
          )
        )
      )
      .executeTakeFirst()
    return Number(gone.numDeletedRows)
  })
}

type History = Pick<Retention, 'removeDeployments' | 'removeDeliveries' | 'removeAudit'>

function createHistoryRetention(database: Database): History {
  return {
    removeDeployments({ olderThan, keepLast }, signal) {
      const kept = new Map<string, Set<string>>()
      const keptOf = async (ownerId: string) => {
        const known = kept.get(ownerId)
        if (known !== undefined) return known
        const rows = await database.read((db) => rollbackCandidates(db, [ownerId], keepLast))
        const ids = new Set(rows.map(({ id }) => id))
        kept.set(ownerId, ids)
        return ids
      }
      return sweep(
        {
          read: (after) =>
            database.read((db) =>
              db
                .selectFrom('deployments')
                .select(['id', 'owner_id', 'created_at', 'ended_at'])
                .where('id', '>', after)
                .orderBy('id')
                .limit(batchLimit)
                .execute()
            ),
          isOld: async (row) =>
            row.ended_at !== null && row.ended_at < olderThan && !(await keptOf(row.owner_id)).has(row.id),
          isLast: (row) => row.created_at >= olderThan,
          remove: (rows) =>
            removeDeployments(
              database,
              rows.map(({ id }) => id)
            )
        },
        signal
      )
    },
    removeDeliveries: (olderThan, signal) =>
      sweep(
        {
          read: (after) =>
            database.read((db) =>
              db
                .selectFrom('deliveries')
                .select(['id', 'received_at as at'])
                .where('id', '>', after)
                .orderBy('id')
                .limit(batchLimit)
                .execute()
            ),
          isOld: ({ at }) => at < olderThan,
          isLast: ({ at }) => at >= olderThan,
          remove: (rows) =>
            database.write(async (tx) => {
              const ids = rows.map(({ id }) => id)
              const gone = tx.deleteFrom('deliveries').where('id', 'in', ids).where('outcome', '!=', 'accepted')
              return Number((await gone.executeTakeFirst()).numDeletedRows)
            })
        },
        signal
      ),
    removeAudit: (olderThan, signal) =>
      sweep(
        {
          read: (after) =>
            database.read((db) =>
              db
                .selectFrom('audit')
                .select(['id', 'at'])
                .where('id', '>', after)
                .orderBy('id')
                .limit(batchLimit)
                .execute()
            ),
          isOld: ({ at }) => at < olderThan,
          isLast: ({ at }) => at >= olderThan,
          remove: (rows) =>
            database.write(async (tx) => {
              const ids = rows.map(({ id }) => id)
              return Number((await tx.deleteFrom('audit').where('id', 'in', ids).executeTakeFirst()).numDeletedRows)
            })
        },
        signal
      )
  }
}

export function createRetention(database: Database): Retention {
  const { removeBuildsOf, ...builds } = createBuildRetention(database)
  return {
    ...createHistoryRetention(database),
    ...builds,
    ...createFolderRetention(database, removeBuildsOf),
    ...createImageRetention(database),
    ...createTrafficRetention(database)
  }
}
