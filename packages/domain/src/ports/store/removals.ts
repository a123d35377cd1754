import type { Repository } from '../../repository.ts'

/** Functions that are to go, because what they came from is gone for longer than the grace period. */
export interface Removal {
  repository: Repository
  /** The branch that is gone; null: the whole repository is. */
  ref: string | null
  /** Since when. */
  since: number
}

export interface Removals {
  /** What is gone since before `until`, oldest first. Suspended repositories are paused, not gone. */
  due(until: number, limit: number): Promise<Removal[]>
  /**
   * Takes the repository's own functions out of service, those deployed by API excepted, with an entry in the audit log that lists
   * them. Nothing that is under way brings one back, and its refs count as never seen: when it comes back it is built.
   *
   * @returns the functions' names; null when it came back meanwhile: then nothing was done.
   */
  remove(removal: Removal, reason: string, now: number): Promise<string[] | null>
  /** A ref is not, or no longer, one whose head is deployed: what was seen of it is forgotten. */
  forget(repositoryId: string, ref: string): Promise<void>
}
