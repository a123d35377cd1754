import { Failure, type ForgeOwner, isValidSlug, type Owner, type Owners, slugOf, uploadForgeId } from '@slipway/domain'
import type { ExpressionBuilder, Updateable } from 'kysely'
import { createAllowList, isOnList, readAllowList } from './allow-list.ts'
import type { Database, Transaction } from './database.ts'
import { newId } from './ids.ts'
import { createOwnerRemoval } from './owner-removal.ts'
import { toOwner } from './owner-rows.ts'
import type { OwnersTable, Schema } from './schema.ts'
import { visibleOwners } from './visible.ts'

/**
 * The id of a forge's account, which is made when it is unknown. It gets the slug of its login unless somebody has that:
 * then none, and an administrator chooses. A known one keeps its slug whatever its login is now.
 */
export async function ensureOwner(
  tx: Transaction,
  forgeId: string,
  { forgeOwnerId, login }: ForgeOwner,
  now: number
): Promise<string> {
  const find = () =>
    tx
      .selectFrom('owners')
      .select(['id', 'login'])
      .where('forge_id', '=', forgeId)
      .where('forge_owner_id', '=', forgeOwnerId)
      .executeTakeFirst()
  const known = await find()
  if (known !== undefined) {
    if (known.login !== login) await call(tx, { id: known.id, forgeId, login })
    return known.id
  }
  const isListed = isOnList(await readAllowList(tx), forgeId, login)
  for (const slug of [slugOf(login), null]) {
    const made = await tx
      .insertInto('owners')
      .values({
        id: newId(),
        forge_id: forgeId,
        forge_owner_id: forgeOwnerId,
        login,
        slug,
        served_turn: 0,
        is_listed: isListed ? 1 : 0,
        created_at: now
      })
      .onConflict((oc) => oc.doNothing())
      .returning('id')
      .executeTakeFirst()
    // Nothing made: the slug is taken, or another process has just made this owner.
    const id = made?.id ?? (await find())?.id
    if (id !== undefined) return id
  }
  throw new Error(`owner ${forgeOwnerId} of ${forgeId} could be neither made nor found`)
}

/** An owner is called otherwise: the allow list names it by that. */
async function call(tx: Transaction, { id, forgeId, login }: { id: string; forgeId: string; login: string }) {
  const isListed = isOnList(await readAllowList(tx), forgeId, login)
  await tx
    .updateTable('owners')
    .set({ login, is_listed: isListed ? 1 : 0 })
    .where('id', '=', id)
    .execute()
}

/** Changes an owner's row. @throws Failure `not-found` */
async function change(tx: Transaction, id: string, columns: Updateable<OwnersTable>): Promise<Owner> {
  const row = await tx.updateTable('owners').set(columns).where('id', '=', id).returningAll().executeTakeFirst()
  if (row === undefined) throw noOwner(id)
  return toOwner(row)
}

const noOwner = (id: string) => new Failure('not-found', `there is no owner ${id}`)

/** One without a forge has a name for as long as it is there: only one that was removed has none. */
const isThere = (eb: ExpressionBuilder<Schema, 'owners'>) =>
  eb.or([eb('slug', 'is not', null), eb('forge_id', '!=', uploadForgeId)])

/** @throws Failure `not-found` for one that is unknown, or was removed */
async function assertThere(tx: Transaction, id: string): Promise<void> {
  const row = await tx.selectFrom('owners').select('id').where('id', '=', id).where(isThere).executeTakeFirst()
  if (row === undefined) throw noOwner(id)
}

/** @throws Failure `invalid-request` for what cannot be a slug, `name-taken` when another owner than `id` has it */
async function assertFree(tx: Transaction, slug: string, id: string | null): Promise<void> {
  if (!isValidSlug(slug)) {
    throw new Failure(
      'invalid-request',
      `"${slug.slice(0, 80)}" cannot be a slug: use at most 30 lower-case letters, digits and "-", beginning with a letter, and no name of the platform`
    )
  }
  const holder = await tx.selectFrom('owners').selectAll().where('slug', '=', slug).executeTakeFirst()
  if (holder !== undefined && holder.id !== id) {
    throw new Failure('name-taken', `the slug "${slug}" belongs to ${holder.login} (${holder.forge_id})`)
  }
}

export function createOwners(database: Database): Owners {
  return {
    ...createAllowList(database),
    ...createOwnerRemoval(database),
    get: (id) =>
      database.read(async (db) => {
        const row = await db.selectFrom('owners').selectAll().where('id', '=', id).executeTakeFirst()
        return row === undefined ? null : toOwner(row)
      }),
    findBySlug: (slug) =>
      database.read(async (db) => {
        const row = await db.selectFrom('owners').selectAll().where('slug', '=', slug).executeTakeFirst()
        return row === undefined ? null : toOwner(row)
      }),
    findByForge: (forgeId, forgeOwnerId) =>
      database.read(async (db) => {
        const row = await db
          .selectFrom('owners')
          .selectAll()
          .where('forge_id', '=', forgeId)
          .where('forge_owner_id', '=', forgeOwnerId)
          .executeTakeFirst()
        return row === undefined ? null : toOwner(row)
      }),
    add: (slug, now) =>
      database.write(async (tx) => {
        await assertFree(tx, slug, null)
        const id = newId()
        // No forge knows it: its own id is the one thing of it that never becomes another's.
        const row = { id, forge_id: uploadForgeId, forge_owner_id: id, login: slug, slug }
        return toOwner(
          await tx
            .insertInto('owners')
            .values({ ...row, served_turn: 0, created_at: now })
            .returningAll()
            .executeTakeFirstOrThrow()
        )
      }),
    rename: (id, login) =>
      database.write(async (tx) => {
        const row = await tx.selectFrom('owners').select('forge_id').where('id', '=', id).executeTakeFirst()
        if (row !== undefined) await call(tx, { id, forgeId: row.forge_id, login })
      }),
    list: ({ before, limit }, whose = null) =>
      database.read(async (db) => {
        const rows = await db
          .selectFrom('owners')
          .selectAll()
          .where(isThere)
          .$if(before !== null, (q) => q.where('id', '<', before))
          .$if(whose !== null, (q) => q.where(visibleOwners(whose)))
          .orderBy('id', 'desc')
          .limit(limit)
          .execute()
        return rows.map(toOwner)
      }),
    hasPublicPages: (id) =>
      database.read(async (db) => {
        const row = await db
          .selectFrom('repositories')
          .select('id')
          .where('owner_id', '=', id)
          .where('has_public_pages', '=', 1)
          .where('is_private', '=', 0)
          .limit(1)
          .executeTakeFirst()
        return row !== undefined
      }),
    setSlug: (id, slug) =>
      database.write(async (tx) => {
        await assertFree(tx, slug, id)
        await assertThere(tx, id)
        return change(tx, id, { slug })
      }),
    setBuildIsolation: (id, isolation) => database.write((tx) => change(tx, id, { build_isolation: isolation })),
    setSuspension: (id, suspension) =>
      database.write((tx) =>
        change(tx, id, { suspended_at: suspension?.at ?? null, suspension_reason: suspension?.reason ?? null })
      )
  }
}
