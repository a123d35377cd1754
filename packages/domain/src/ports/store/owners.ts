import type { BuildIsolation, Owner, OwnerSuspension } from '../../repository.ts'
import type { Whose } from '../../rights.ts'
import type { Page } from './page.ts'

export interface Owners {
  get(id: string): Promise<Owner | null>
  findBySlug(slug: string): Promise<Owner | null>
  findByForge(forgeId: string, forgeOwnerId: string): Promise<Owner | null>
  /**
   * Makes an owner without a forge, who deploys folders.
   * @throws Failure `name-taken` naming who has the slug; `invalid-request` for one that is not allowed
   */
  add(slug: string, now: number): Promise<Owner>
  /**
   * Takes an owner without a forge out of service: its slug and its functions' names are free, its tokens, keys, secrets and variables
   * are gone. What it did stays.
   * @throws Failure `conflict` for one of a forge, and while something of it runs or is on its way; `not-found`
   */
  remove(id: string, now: number): Promise<Owner>
  /** The forge says that the owner is called otherwise now. Its slug stays. */
  rename(id: string, login: string): Promise<void>
  /** Those that are seen with any of their repositories. Default: all that were not removed. */
  list(page: Page, whose?: Whose): Promise<Owner[]>
  /** Has one of its repositories, while it is not private, pages that everybody may see? */
  hasPublicPages(id: string): Promise<boolean>
  /**
   * Gives or changes a slug.
   * @throws Failure `name-taken` naming who has it; `invalid-request` for one that is not allowed; `not-found`, also for one that was removed
   */
  setSlug(id: string, slug: string): Promise<Owner>
  /** How its builds are kept apart from now on; null: as the installation does. @throws Failure `not-found` */
  setBuildIsolation(id: string, isolation: BuildIsolation | null): Promise<Owner>
  /**
   * From now on nothing of the owner is built or deployed, or (null) it is again. Builds that wait end when their turn comes, those
   * that run before they deploy; their functions stay. What it stopped goes on after it. @throws Failure `not-found`
   */
  setSuspension(id: string, suspension: OwnerSuspension | null): Promise<Owner>
  /** The logins at forges whose pushes are built, in lower case, as last kept; null: everybody's. */
  allowList(): Promise<string[] | null>
  /** Keeps the allow list, and what follows from it for each owner. Returns those whose `isListed` changed. */
  setAllowList(logins: readonly string[] | null): Promise<Owner[]>
}
