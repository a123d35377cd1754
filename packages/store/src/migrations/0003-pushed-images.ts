import type { ImageReference } from '@slipway/domain'
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

interface Tables {
  images: { owner_id: string; image_json: string; created_at: number }
  pushed_images: {
    repository: string
    digest: string
    owner_id: string
    tag: string
    pushed_at: number
    used_at: number
    removing_at: number | null
  }
}

export const pushedImages: Migration = {
  async up(db: Kysely<Tables>) {
    await db.schema
      .createTable('pushed_images')
      .addColumn('repository', 'text', (c) => c.notNull())
      .addColumn('digest', 'text', (c) => c.notNull())
      .addColumn('owner_id', 'text', (c) => c.notNull().references('owners.id'))
      .addColumn('tag', 'text', (c) => c.notNull())
      .addColumn('pushed_at', 'bigint', (c) => c.notNull())
      .addColumn('used_at', 'bigint', (c) => c.notNull())
      .addColumn('removing_at', 'bigint')
      .addPrimaryKeyConstraint('pushed_images_pk', ['repository', 'digest'])
      .execute()
    await db.schema.createIndex('pushed_images_owner').on('pushed_images').columns(['owner_id', 'used_at']).execute()
    for (const known of await db.selectFrom('images').select(['owner_id', 'image_json', 'created_at']).execute()) {
      const { repository, digest, tag } = JSON.parse(known.image_json) as ImageReference
      const at = { pushed_at: known.created_at, used_at: known.created_at, removing_at: null }
      await db
        .insertInto('pushed_images')
        .values({ repository, digest, tag, owner_id: known.owner_id, ...at })
        .onConflict((oc) => oc.columns(['repository', 'digest']).doNothing())
        .execute()
    }
  }
}
