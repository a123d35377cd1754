import type { ForgeOwner, ForgeRepository } from '../../forge.ts'
import type { Repository } from '../../repository.ts'
import type { Page } from './page.ts'

export interface Repositories {
  get(id: string): Promise<Repository | null>
  findByForge(forgeId: string, forgeRepositoryId: string): Promise<Repository | null>
  list(ownerId: string | null, page: Page): Promise<Repository[]>
  /**
   * Stores a repository as the forge has it now: made when unknown, otherwise renamed, moved to its new owner, connected again.
   * The owner is made when unknown and gets `slugOf(login)` unless that is taken: then its slug stays null.
   * Builds of the repository that had no owner yet get it.
   */
  connect(forgeId: string, found: ForgeRepository & { owner: ForgeOwner }, now: number): Promise<Repository>
  /** Stops builds of it. Deletes nothing. */
  disconnect(id: string, now: number): Promise<void>
  setSuspended(forgeId: string, installationId: string, isSuspended: boolean, now: number): Promise<void>
  updateSettings(
    id: string,
    settings: Partial<Pick<Repository, 'branch' | 'stackPath' | 'isAtomic'>>
  ): Promise<Repository>
  /** Repositories with waiting builds whose owner is not known yet: to be looked up at the forge. */
  unresolved(limit: number): Promise<Repository[]>
  /** Every connected repository of an installation. */
  ofInstallation(forgeId: string, installationId: string): Promise<Repository[]>
}
