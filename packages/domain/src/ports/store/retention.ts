import type { ImageReference } from '../../build.ts'

/** What is kept of something that piles up in every repository. */
export interface KeepRule {
  /** Epoch milliseconds: what ended before goes. */
  olderThan: number
  /** The newest so many of a repository stay, however old they are. */
  keepLast: number
  /** Beyond so many of a repository they go, however young they are. */
  keepMost: number
}

export interface ImageRule {
  /** Epoch milliseconds: only what no build used since then. */
  unusedSince: number
  /** Of each function the images of the last so many former deployments are kept, for rollbacks. */
  keepLast: number
}

/**
 * What goes with time. Removing is done in batches of at most 1,000 rows, each a transaction of its own with a pause behind it,
 * so that nobody waits for it; ended by the signal between two batches, it goes on the next time. Nothing that is under way,
 * live, or wanted for a rollback is touched. Methods that remove tell of how many.
 */
export interface Retention {
  /** The logs of ended builds; the builds stay. */
  removeLogs(rule: KeepRule, signal: AbortSignal): Promise<number>
  /** Former and failed deployments, but for the last `keepLast` that a function can go back to. */
  removeDeployments(rule: Pick<KeepRule, 'olderThan' | 'keepLast'>, signal: AbortSignal): Promise<number>
  /** Ended builds with all that belongs to them, but for those whose deployments are kept and the last observed one of each ref. */
  removeBuilds(rule: KeepRule, signal: AbortSignal): Promise<number>
  /**
   * What images were deployed as by themselves whose functions were taken out of service before: all of it, its builds and former
   * deployments included. Whoever deploys each version under another name would leave one for each of them for ever.
   */
  removeImageFolders(olderThan: number, signal: AbortSignal): Promise<number>
  /** Deliveries that were dealt with. */
  removeDeliveries(olderThan: number, signal: AbortSignal): Promise<number>
  removeAudit(olderThan: number, signal: AbortSignal): Promise<number>
  /** Minutes and hours of traffic that began before. */
  removeTraffic(olderThan: { minutes: number; hours: number }, signal: AbortSignal): Promise<number>

  /** The ids of folders that were sent and may be built once more: those of builds under way, and the last `keepLast` of each folder. */
  neededUploads(keepLast: number): Promise<Set<string>>
  /** `host/path@sha256:…` of every image that runs, is about to, or is kept for a rollback. */
  neededImages(keepLast: number): Promise<Set<string>>
  /** Images that Slipway pushed and nothing needs any more; at most 1,000. Their removal is begun by `takeImage`. */
  unusedImages(rule: ImageRule): Promise<ImageReference[]>
  /**
   * Looks again, and if nothing needs the image still, marks it as being removed: builds do not find it any more, and one that pushed
   * the same again is told to come later. To be removed from the registry at once, within half a minute. False: it is needed again.
   */
  takeImage(image: ImageReference, rule: ImageRule, now: number): Promise<boolean>
  /** The image that was taken is gone from the registry. */
  forgetImage(image: ImageReference): Promise<void>
}
