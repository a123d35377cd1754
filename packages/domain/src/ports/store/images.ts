import type { ImageReference } from '../../build.ts'

/** Something that the registry stores of an image; what several images have is stored once. */
export interface ImageLayer {
  digest: string
  bytes: number
}

export interface Images {
  /** The image of a content key, per owner: strangers share no images. Notes that it was used, so that it is not removed meanwhile. */
  find(ownerId: string, contentKey: string, now: number): Promise<ImageReference | null>
  /**
   * Stores what was pushed, with what it takes in the registry.
   *
   * @throws Failure `unavailable` while the very same image is being removed from the registry
   */
  save(ownerId: string, contentKey: string, image: ImageReference, now: number, layers?: ImageLayer[]): Promise<void>
  /** Before one more is made. @throws Failure `limit-exceeded` when the owner's images take all the room that they may */
  assertRoom(ownerId: string): Promise<void>
  /** The registry lost it. */
  forget(ownerId: string, contentKey: string): Promise<void>
}
