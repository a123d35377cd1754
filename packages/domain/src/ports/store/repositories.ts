import type { Build } from '../../build.ts'
import type { ForgeOwner, ForgeRepository } from '../../forge.ts'
import type { Repository } from '../../repository.ts'
import type { Whose } from '../../rights.ts'
import type { Page } from './page.ts'

export interface Repositories {
  get(id: string): Promise<Repository | null>
  findByForge(forgeId: string, forgeRepositoryId: string): Promise<Repository | null>
  /** Without those of owners that were removed. */
  list(whose: Whose, page: Page): Promise<Repository[]>
  /**
   * Stores a repository as the forge has it now: made when unknown, otherwise renamed, moved to its new owner, connected again.
   * The owner is made when unknown and gets `slugOf(login)` unless that is taken: then its slug stays null.
   * Builds of the repository that had no owner yet get it.
   *
   * @param seenBy who saw it there, and whether its connection too.
   */
  connect(
    forgeId: string,
    found: ForgeRepository & { owner: ForgeOwner },
    now: number,
    seenBy?: { identity: string; isConnectionSeen: boolean }
  ): Promise<Repository>
  /** Notes that an image's function was taken out of service, until it is deployed again. */
  setRemoved(id: string, now: number): Promise<void>
  /** Stops builds of it. Deletes nothing. */
  disconnect(id: string, now: number): Promise<void>
  setSuspended(forgeId: string, installationId: string, isSuspended: boolean, now: number): Promise<void>
  updateSettings(
    id: string,
    settings: Partial<Pick<Repository, 'branch' | 'stackPath' | 'isAtomic' | 'policy' | 'hasPublicPages'>>
  ): Promise<Repository>
  /**
   * Whether pushes are built by themselves. Switched off, what has begun goes on and what waits ends `skipped` when its turn comes;
   * switched on again, the newest push is queued if it was left out (`build`; null: nothing was).
   */
  setAutomatic(
    id: string,
    isAutomatic: boolean,
    by: string,
    now: number
  ): Promise<{ repository: Repository; build: Build | null }>
  /** Repositories with waiting builds whose owner is not known yet: to be looked up at the forge. Without those of `except`, by their ids. */
  unresolved(limit: number, except: readonly string[]): Promise<Repository[]>
  /** Repositories of a forge in the order of their ids, those after the cursor. Disconnected ones too, until their functions are removed. */
  ofForge(forgeId: string, after: string | null, limit: number): Promise<Repository[]>
  /** Installations that a forge's repositories belong to. */
  installations(forgeId: string): Promise<string[]>
  /** Every connected repository of an installation. */
  ofInstallation(forgeId: string, installationId: string): Promise<Repository[]>
}
