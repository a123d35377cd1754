import {
  defaultLimits,
  Failure,
  type ImageLayer,
  type LimitedUse,
  type Limits,
  limitsFor,
  type OwnerLimits,
  type OwnLimits,
  usedBy
} from '@slipway/domain'
import { isActive } from './build-conditions.ts'
import type { Database, Reader } from './database.ts'
import { usesOf } from './function-uses.ts'
import { bumpRoutes } from './functions.ts'
import type { OwnerRow } from './schema.ts'

const key = 'limits'

/** The defaults as `deployer` last kept them; a limit that it did not know yet is as the program says. */
async function readDefaults(db: Reader): Promise<OwnerLimits> {
  const row = await db.selectFrom('settings').select('value').where('key', '=', key).executeTakeFirst()
  return row === undefined ? defaultLimits : { ...defaultLimits, ...(JSON.parse(row.value) as OwnLimits) }
}

export function ownLimits({ limits_json: json }: Pick<OwnerRow, 'limits_json'>): OwnLimits {
  return json === null ? {} : (JSON.parse(json) as OwnLimits)
}

/** What holds for an owner, and how refusals call it. @throws Failure `not-found` */
export async function findLimits(
  db: Reader,
  ownerId: string
): Promise<{ owner: string; limits: OwnerLimits; own: OwnLimits }> {
  const row = await db
    .selectFrom('owners')
    .select(['slug', 'login', 'limits_json'])
    .where('id', '=', ownerId)
    .executeTakeFirst()
  if (row === undefined) throw new Failure('not-found', `there is no owner ${ownerId}`)
  const own = ownLimits(row)
  return { owner: row.slug ?? row.login, limits: limitsFor(await readDefaults(db), own), own }
}

/** What an owner's images take in the registry, in MiB. */
export async function storageOf(db: Reader, ownerId: string): Promise<number> {
  return Math.ceil((await layerBytes(db, ownerId)) / 1024 ** 2)
}

/** Of one owner's images, or of all (null): each layer once. */
export async function layerBytes(db: Reader, ownerId: string | null): Promise<number> {
  let query = db.selectFrom('pushed_images').select('layers_json').where('layers_json', 'is not', null)
  if (ownerId !== null) query = query.where('owner_id', '=', ownerId)
  const rows = await query.execute()
  const bytes = new Map<string, number>()
  for (const { layers_json: json } of rows) {
    for (const layer of JSON.parse(json ?? '[]') as ImageLayer[]) bytes.set(layer.digest, layer.bytes)
  }
  return [...bytes.values()].reduce((sum, one) => sum + one, 0)
}

async function buildsOf(db: Reader, ownerId: string): Promise<number> {
  const { count } = await db
    .selectFrom('builds')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('owner_id', '=', ownerId)
    .where(isActive)
    .where('status', '!=', 'deploying')
    .executeTakeFirstOrThrow()
  return count
}

async function usedNow(db: Reader, ownerId: string): Promise<LimitedUse> {
  const functions = usedBy((await usesOf(db, ownerId, null)).values())
  return { ...functions, builds: await buildsOf(db, ownerId), 'storage-mb': await storageOf(db, ownerId) }
}

export function createLimits(database: Database): Limits {
  return {
    defaults: () => database.read(readDefaults),
    setDefaults: (limits) =>
      database.write(async (tx) => {
        const value = JSON.stringify(limits)
        await tx
          .insertInto('settings')
          .values({ key, value })
          .onConflict((oc) => oc.column('key').doUpdateSet({ value }))
          .execute()
        await bumpRoutes(tx)
      }),
    of: (ownerId) =>
      database.read(async (db) => {
        const { limits, own } = await findLimits(db, ownerId)
        return { limits, own }
      }),
    set: (ownerId, own) =>
      database.write(async (tx) => {
        const json = Object.keys(own).length === 0 ? null : JSON.stringify(own)
        const { numUpdatedRows } = await tx
          .updateTable('owners')
          .set({ limits_json: json })
          .where('id', '=', ownerId)
          .executeTakeFirst()
        if (numUpdatedRows === 0n) throw new Failure('not-found', `there is no owner ${ownerId}`)
        await bumpRoutes(tx)
      }),
    used: (ownerId) => database.read((db) => usedNow(db, ownerId))
  }
}
