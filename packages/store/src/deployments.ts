import { assertDeploymentTransition, type Deployments, Failure } from '@slipway/domain'
import type { ExpressionBuilder } from 'kysely'
import type { Database } from './database.ts'
import { createPreparation } from './deployment-prepare.ts'
import { toDeployment } from './deployment-rows.ts'
import { createSwitch } from './deployment-switch.ts'
import type { Schema } from './schema.ts'

/** Of one function's rows its builds tell what was live with which commit: a deployment that stays has a row in each of them. */
function isOfCommit(commit: string) {
  const begins = `${commit}%`
  return (eb: ExpressionBuilder<Schema, 'deployments'>) =>
    eb.or([
      eb('commit', 'like', begins),
      eb(
        'id',
        'in',
        eb
          .selectFrom('build_functions')
          .innerJoin('builds', 'builds.id', 'build_functions.build_id')
          .select('build_functions.deployment_id')
          .where('builds.commit', 'like', begins)
          .where('build_functions.status', '=', 'live')
          .where('build_functions.deployment_id', 'is not', null)
      )
    ])
}

type Rest = 'get' | 'list' | 'running' | 'end'

function createRest(database: Database): Pick<Deployments, Rest> {
  return {
    get: (id) =>
      database.read(async (db) => {
        const row = await db.selectFrom('deployments').selectAll().where('id', '=', id).executeTakeFirst()
        return row === undefined ? null : toDeployment(row)
      }),
    list: (ownerId, { functionName, status, commit }, { before, limit }) =>
      database.read(async (db) => {
        let query = db.selectFrom('deployments').selectAll().orderBy('id', 'desc').limit(limit)
        if (ownerId !== null) query = query.where('owner_id', '=', ownerId)
        if (functionName !== undefined) query = query.where('function_name', '=', functionName)
        if (status !== undefined) query = query.where('status', '=', status)
        if (commit !== undefined) query = query.where(isOfCommit(commit))
        if (before !== null) query = query.where('id', '<', before)
        return (await query.execute()).map(toDeployment)
      }),
    running: () =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom('deployments')
          .selectAll()
          .where('status', 'in', ['starting', 'live', 'draining'])
          .orderBy('id')
          .execute()
        return rows.map(toDeployment)
      }),
    end: (id, status, reason, now) =>
      database.write(async (tx) => {
        const row = await tx
          .selectFrom('deployments')
          .select('status')
          .where('id', '=', id)
          .forUpdate()
          .executeTakeFirst()
        if (row === undefined) throw new Failure('not-found', `there is no deployment ${id}`)
        // Whoever ends one may have died before it heard that it did.
        if (row.status === 'ended' || row.status === 'failed') return
        assertDeploymentTransition(row.status, status)
        await tx
          .updateTable('deployments')
          .set({ status, reason, ended_at: now, endpoints_json: '[]' })
          .where('id', '=', id)
          .execute()
      })
  }
}

export function createDeployments(database: Database): Deployments {
  return { ...createRest(database), ...createPreparation(database), ...createSwitch(database) }
}
