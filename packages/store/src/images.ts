import { assertWithin, Failure, type ImageLayer, type ImageReference, type Images } from '@slipway/domain'
import type { Database, Transaction } from './database.ts'
import { findLimits, storageOf } from './limits.ts'

/** A removal that was begun longer ago is over, or was cut short: asking the registry takes seconds. */
export const removalMs = 60_000

/** @throws Failure `unavailable` while it is being removed */
async function notePushed(
  tx: Transaction,
  ownerId: string,
  { repository, digest, tag }: ImageReference,
  now: number,
  layers: ImageLayer[] | undefined
): Promise<void> {
  const known = await tx
    .selectFrom('pushed_images')
    .select('removing_at')
    .where('repository', '=', repository)
    .where('digest', '=', digest)
    .forUpdate()
    .executeTakeFirst()
  if (known?.removing_at != null && known.removing_at > now - removalMs) {
    throw new Failure('unavailable', 'the image was pushed while the same one was being removed: it is pushed again', {
      retryAfterMs: removalMs
    })
  }
  const taken = layers === undefined ? {} : { layers_json: JSON.stringify(layers) }
  const used = { owner_id: ownerId, tag, used_at: now, removing_at: null, ...taken }
  await tx
    .insertInto('pushed_images')
    .values({ repository, digest, pushed_at: now, ...used })
    .onConflict((oc) => oc.columns(['repository', 'digest']).doUpdateSet(used))
    .execute()
}

export function createImages(database: Database): Images {
  return {
    find: (ownerId, contentKey, now) =>
      database.write(async (tx) => {
        const row = await tx
          .selectFrom('images')
          .select('image_json')
          .where('owner_id', '=', ownerId)
          .where('content_key', '=', contentKey)
          .executeTakeFirst()
        if (row === undefined) return null
        const image = JSON.parse(row.image_json) as ImageReference
        // One that is on its way out is not in `images` any more: this is how both sides agree.
        const { numUpdatedRows } = await tx
          .updateTable('pushed_images')
          .set({ used_at: now })
          .where('repository', '=', image.repository)
          .where('digest', '=', image.digest)
          .where('removing_at', 'is', null)
          .executeTakeFirst()
        return numUpdatedRows === 0n ? null : image
      }),
    save: (ownerId, contentKey, image, now, layers) =>
      database.write(async (tx) => {
        await notePushed(tx, ownerId, image, now, layers)
        const imageJson = JSON.stringify(image)
        await tx
          .insertInto('images')
          .values({ owner_id: ownerId, content_key: contentKey, image_json: imageJson, created_at: now })
          .onConflict((oc) => oc.columns(['owner_id', 'content_key']).doUpdateSet({ image_json: imageJson }))
          .execute()
      }),
    assertRoom: (ownerId) =>
      database.read(async (db) => {
        const { owner, limits } = await findLimits(db, ownerId)
        if (limits['storage-mb'] === null) return
        const used = await storageOf(db, ownerId)
        assertWithin(owner, limits, { 'storage-mb': 0 }, { 'storage-mb': used + 1 })
      }),
    forget: (ownerId, contentKey) =>
      database.write(async (tx) => {
        await tx.deleteFrom('images').where('owner_id', '=', ownerId).where('content_key', '=', contentKey).execute()
      })
  }
}
