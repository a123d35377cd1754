import type { ImageReference } from '../../build.ts'

export interface Images {
  /** The image of a content key, per owner: strangers share no images. */
  find(ownerId: string, contentKey: string): Promise<ImageReference | null>
  save(ownerId: string, contentKey: string, image: ImageReference, now: number): Promise<void>
  /** The registry lost it. */
  forget(ownerId: string, contentKey: string): Promise<void>
}
