import type { Generated } from 'kysely'

export interface ImageTables {
  images: ImagesTable
  pushed_images: PushedImagesTable
}

export interface ImagesTable {
  owner_id: string
  content_key: string
  image_json: string
  created_at: number
}

/** What is in the registry because a build pushed it. A content key that was built again leaves its former image here. */
export interface PushedImagesTable {
  repository: string
  digest: string
  owner_id: string
  tag: string
  pushed_at: number
  /** When a build last took it, newly made or again. */
  used_at: number
  /** It is being removed from the registry, or the process that did was stopped. */
  removing_at: number | null
  /** What it takes in the registry; null: pushed by a version that did not ask. */
  layers_json: Generated<string | null>
}
