import { Failure, type Functions } from '@slipway/domain'
import { CompiledQuery } from 'kysely'
import type { Database, Transaction } from './database.ts'
import { drain } from './deployment-rows.ts'
import { holderOf } from './function-names.ts'
import { createPausing } from './function-pause.ts'
import { toFunctionRecord } from './function-rows.ts'
import { nextGeneration } from './repositories.ts'
import { createRoutes, type Routes } from './routes.ts'
import { visibleFunctions } from './visible.ts'

/** Tells the gateways that they have to read the routes again. */
export async function bumpRoutes(tx: Transaction): Promise<void> {
  await tx
    .updateTable('counters')
    .set((eb) => ({ value: eb('value', '+', 1) }))
    .where('name', '=', 'routes')
    .execute()
}

export function createStoredRoutes(database: Database): Routes {
  return createRoutes(<R>(text: string) =>
    database.read(async (db) => (await db.executeQuery(CompiledQuery.raw(text))).rows as R[])
  )
}

export function createFunctions(database: Database, routes: Omit<Routes, 'keys'>): Functions {
  return {
    ...createPausing(database),
    ...routes,
    // Functions have no id of their own: they come by cluster name, and the cursor is the last one's.
    list: (whose, { repositoryId }, { before, limit }) =>
      database.read(async (db) => {
        let query = db.selectFrom('functions').selectAll().orderBy('cluster_name').limit(limit)
        if (whose !== null) query = query.where(visibleFunctions(whose))
        if (repositoryId !== undefined) query = query.where('repository_id', '=', repositoryId)
        if (before !== null) query = query.where('cluster_name', '>', before)
        return (await query.execute()).map(toFunctionRecord)
      }),
    get: (ownerId, name) =>
      database.read(async (db) => {
        const row = await db
          .selectFrom('functions')
          .selectAll()
          .where('owner_id', '=', ownerId)
          .where('name', '=', name)
          .executeTakeFirst()
        return row === undefined ? null : toFunctionRecord(row)
      }),
    conflicts: (ownerId, repositoryId, names) =>
      database.read(async (db) => {
        if (names.length === 0) return []
        const owner = await db.selectFrom('owners').select('slug').where('id', '=', ownerId).executeTakeFirst()
        if (owner === undefined) throw new Failure('not-found', `there is no owner ${ownerId}`)
        const ownerSlug = owner.slug ?? ''
        const rows = await db
          .selectFrom('functions')
          .selectAll()
          .where('owner_id', '=', ownerId)
          .where('name', 'in', names)
          .execute()
        const found: { name: string; holder: string }[] = []
        for (const name of names) {
          const wanted = { ownerId, ownerSlug, repositoryId, name, clusterName: `${ownerSlug}-${name}` }
          const holder = await holderOf(
            db,
            wanted,
            rows.find((row) => row.name === name)
          )
          if (holder !== null) found.push({ name, holder })
        }
        return found
      }),
    remove: (ownerId, name, now) =>
      database.write(async (tx) => {
        const known = await tx
          .selectFrom('functions')
          .select('repository_id')
          .where('owner_id', '=', ownerId)
          .where('name', '=', name)
          .executeTakeFirst()
        // Whoever changes what a repository's builds do to each other holds it.
        const generation = known?.repository_id == null ? null : await nextGeneration(tx, known.repository_id)
        const row = await tx
          .selectFrom('functions')
          .select(['live_deployment_id', 'generation'])
          .where('owner_id', '=', ownerId)
          .where('name', '=', name)
          .forUpdate()
          .executeTakeFirst()
        if (row === undefined) throw new Failure('not-found', `there is no function "${name}"`)
        await drain(tx, row.live_deployment_id)
        await tx
          .updateTable('functions')
          .set({ live_deployment_id: null, generation: generation ?? row.generation, updated_at: now })
          .where('owner_id', '=', ownerId)
          .where('name', '=', name)
          .execute()
        if (row.live_deployment_id !== null) await bumpRoutes(tx)
      })
  }
}
