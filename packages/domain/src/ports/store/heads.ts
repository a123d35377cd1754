import type { Build } from '../../build.ts'
import type { Repository } from '../../repository.ts'

/** What the reconciler asks and tells of refs: the store's side of "the head is what should be live". */
export interface Heads {
  /** Repositories of a forge that may be built, in the order of their ids, those after the cursor. */
  watched(forgeId: string, after: string | null, limit: number): Promise<Repository[]>
  /**
   * The forge says that a production ref points here. What follows is decided by `judgeSeenHead`, in one transaction with what is known
   * of the ref. null: the ref is gone; it is remembered since when, and nothing else happens. Any commit ends that.
   *
   * @returns the build that was queued; null when nothing is to be built.
   */
  settle(repositoryId: string, ref: string, head: string | null, now: number): Promise<Build | null>
  /**
   * Running builds of repositories with the policy `override` of whose ref a newer build waits, with the waiting commits.
   * Not those that somebody asked for (rebuild, rollback), nor those that are being stopped.
   */
  overtaken(): Promise<{ build: Build; repository: Repository; waiting: string[] }[]>
  /**
   * Stops a running build because its ref has moved on to `head`: it ends `superseded`, at once when nobody holds it.
   * False when it had ended, or was being stopped already.
   */
  supersede(buildId: string, head: string, now: number): Promise<boolean>
}
