import { type ImageReference, type ImageRule, pinnedReference, type Retention } from '@slipway/domain'
import { batchLimit } from './batches.ts'
import type { Database, Reader } from './database.ts'
import { removalMs } from './images.ts'
import { rollbackCandidates } from './rollback-candidates.ts'

/** What runs or is about to, what waits for its roll-out, and what a rollback may go back to. */
async function neededBy(db: Reader, ownerIds: string[], keepLast: number): Promise<Set<string>> {
  if (ownerIds.length === 0) return new Set()
  const running = await db
    .selectFrom('deployments')
    .select('image_json')
    .where('owner_id', 'in', ownerIds)
    .where('status', 'in', ['starting', 'live', 'draining'])
    .execute()
  const planned = await db
    .selectFrom('build_functions')
    .innerJoin('builds', 'builds.id', 'build_functions.build_id')
    .select('build_functions.image_json')
    .where('builds.owner_id', 'in', ownerIds)
    .where('builds.status', 'in', ['queued', 'building', 'deploying'])
    .where('build_functions.image_json', 'is not', null)
    .execute()
  const former = await rollbackCandidates(db, ownerIds, keepLast)
  return new Set(
    [...running, ...planned, ...former].flatMap(({ image_json: json }) =>
      json === null ? [] : [pinnedReference(JSON.parse(json) as ImageReference)]
    )
  )
}

type Images = Pick<Retention, 'neededImages' | 'unusedImages' | 'takeImage' | 'forgetImage'>

export function createImageRetention(database: Database): Images {
  return {
    async neededImages(keepLast) {
      const owners = await database.read((db) => db.selectFrom('owners').select('id').execute())
      const needed = new Set<string>()
      for (const { id } of owners) {
        for (const image of await database.read((db) => neededBy(db, [id], keepLast))) needed.add(image)
      }
      return needed
    },
    async unusedImages({ unusedSince, keepLast }) {
      const owners = await database.read((db) =>
        db.selectFrom('pushed_images').select('owner_id').where('used_at', '<', unusedSince).distinct().execute()
      )
      const unused: ImageReference[] = []
      for (const { owner_id: ownerId } of owners) {
        const needed = await database.read((db) => neededBy(db, [ownerId], keepLast))
        const old = await database.read((db) =>
          db
            .selectFrom('pushed_images')
            .select(['repository', 'tag', 'digest'])
            .where('owner_id', '=', ownerId)
            .where('used_at', '<', unusedSince)
            .orderBy('used_at')
            .execute()
        )
        unused.push(...old.map((row) => ({ ...row })).filter((image) => !needed.has(pinnedReference(image))))
        if (unused.length >= batchLimit) break
      }
      return unused.slice(0, batchLimit)
    },
    takeImage: (image, rule, now) => database.write((tx) => takeImage(tx, image, rule, now)),
    forgetImage: ({ repository, digest }) =>
      database.write(async (tx) => {
        await tx
          .deleteFrom('pushed_images')
          .where('repository', '=', repository)
          .where('digest', '=', digest)
          .where('removing_at', 'is not', null)
          .execute()
      })
  }
}

async function takeImage(tx: Reader, image: ImageReference, rule: ImageRule, now: number): Promise<boolean> {
  const { repository, digest } = image
  const row = await tx
    .selectFrom('pushed_images')
    .selectAll()
    .where('repository', '=', repository)
    .where('digest', '=', digest)
    .forUpdate()
    .executeTakeFirst()
  if (row === undefined || row.used_at >= rule.unusedSince) return false
  const isBeingRemoved = row.removing_at !== null && row.removing_at > now - removalMs
  if (isBeingRemoved) return false
  const needed = await neededBy(tx, [row.owner_id], rule.keepLast)
  if (needed.has(pinnedReference(image))) return false
  await tx
    .updateTable('pushed_images')
    .set({ removing_at: now })
    .where('repository', '=', repository)
    .where('digest', '=', digest)
    .execute()
  // By its key it is found no more. A key that was built again leads to another image by now.
  const keys = await tx
    .selectFrom('images')
    .select(['content_key', 'image_json'])
    .where('owner_id', '=', row.owner_id)
    .where('image_json', 'like', `%${digest}%`)
    .execute()
  for (const { content_key: key, image_json: json } of keys) {
    if ((JSON.parse(json) as ImageReference).repository !== repository) continue
    await tx.deleteFrom('images').where('owner_id', '=', row.owner_id).where('content_key', '=', key).execute()
  }
  return true
}
