import type { ImageReference, Images } from '@slipway/domain'
import type { Database } from './database.ts'

export function createImages(database: Database): Images {
  return {
    find: (ownerId, contentKey) =>
      database.read(async (db) => {
        const row = await db
          .selectFrom('images')
          .select('image_json')
          .where('owner_id', '=', ownerId)
          .where('content_key', '=', contentKey)
          .executeTakeFirst()
        return row === undefined ? null : (JSON.parse(row.image_json) as ImageReference)
      }),
    save: (ownerId, contentKey, image, now) =>
      database.write(async (tx) => {
        const imageJson = JSON.stringify(image)
        await tx
          .insertInto('images')
          .values({ owner_id: ownerId, content_key: contentKey, image_json: imageJson, created_at: now })
          .onConflict((oc) => oc.columns(['owner_id', 'content_key']).doUpdateSet({ image_json: imageJson }))
          .execute()
      }),
    forget: (ownerId, contentKey) =>
      database.write(async (tx) => {
        await tx.deleteFrom('images').where('owner_id', '=', ownerId).where('content_key', '=', contentKey).execute()
      })
  }
}
