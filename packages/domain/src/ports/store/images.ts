import type { ImageReference } from '../../build.ts'

export interface Images {
  /** The image of a content key, per owner: strangers share no images. Notes that it was used, so that it is not removed meanwhile. */
  find(ownerId: string, contentKey: string, now: number): Promise<ImageReference | null>
  /**
   * Stores what was pushed.
   *
   * @throws Failure `unavailable` while the very same image is being removed from the registry
   */
  save(ownerId: string, contentKey: string, image: ImageReference, now: number): Promise<void>
  /** The registry lost it. */
  forget(ownerId: string, contentKey: string): Promise<void>
}
