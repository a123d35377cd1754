import { Failure, type Owner, uploadForgeId } from '@slipway/domain'
import { isActive, isQueued } from './build-conditions.ts'
import type { Database, Transaction } from './database.ts'
import { toOwner } from './owner-rows.ts'

/** What only the owner's functions and people have use of; what it did stays. Those that others refer to come last. */
const belongings = [
  'tokens',
  'function_keys',
  'notification_sinks',
  'variables',
  'secret_versions',
  'secret_sets',
  'schedule_runs',
  'functions'
] as const

/** @throws Failure `conflict` while something of it runs or is on its way */
async function assertAtRest(tx: Transaction, ownerId: string, slug: string): Promise<void> {
  const running = await tx
    .selectFrom('deployments')
    .select('function_name')
    .distinct()
    .where('owner_id', '=', ownerId)
    .where('status', 'in', ['starting', 'live', 'draining'])
    .orderBy('function_name')
    .limit(4)
    .execute()
  if (running.length > 0) {
    const names = running.slice(0, 3).map(({ function_name }) => function_name)
    const andMore = running.length > 3 ? ' and more' : ''
    throw new Failure('conflict', `${slug} has functions that run: remove ${names.join(', ')}${andMore} first`)
  }
  const open = await tx
    .selectFrom('builds')
    .select('id')
    .where('owner_id', '=', ownerId)
    .where((eb) => eb.or([isQueued, isActive]))
    .limit(1)
    .executeTakeFirst()
  if (open !== undefined)
    throw new Failure('conflict', `${slug} has a build that has not ended: cancel ${open.id} first`)
}

/** Its row stays for all that points to it: suspended, and without a slug, which nobody gives it again. */
async function remove(tx: Transaction, id: string, now: number): Promise<Owner> {
  const row = await tx.selectFrom('owners').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()
  if (row?.slug == null) throw new Failure('not-found', `there is no owner ${id}`)
  if (row.forge_id !== uploadForgeId) {
    throw new Failure(
      'conflict',
      `${row.slug} is of the forge ${row.forge_id}: its functions go when its repositories do, and suspending it stops its builds`
    )
  }
  await assertAtRest(tx, id, row.slug)
  for (const table of belongings) await tx.deleteFrom(table).where('owner_id', '=', id).execute()
  const removed = await tx
    .updateTable('owners')
    .set({ slug: null, suspended_at: now, suspension_reason: 'it was removed' })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  return toOwner(removed)
}

export function createOwnerRemoval(database: Database): { remove(id: string, now: number): Promise<Owner> } {
  return { remove: (id, now) => database.write((tx) => remove(tx, id, now)) }
}
