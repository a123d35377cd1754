import type { Build } from '../../build.ts'
import type { FunctionRecord, Route } from '../../deployment.ts'
import type { Whose } from '../../rights.ts'
import type { Page } from './page.ts'

export interface FunctionFilter {
  repositoryId?: string
}

export interface Functions {
  /** In the order of their cluster names; the page's cursor is the last one's. */
  list(whose: Whose, filter: FunctionFilter, page: Page): Promise<FunctionRecord[]>
  get(ownerId: string, name: string): Promise<FunctionRecord | null>
  /** The functions in the order given that somebody else has: names the holder. Empty when all may be used. */
  conflicts(ownerId: string, repositoryId: string, names: string[]): Promise<{ name: string; holder: string }[]>
  /** Pushes, and changes of variables and secrets, do not deploy it any more. @throws Failure `not-found` */
  pause(ownerId: string, name: string, now: number): Promise<FunctionRecord>
  /**
   * They deploy it again. What it missed is brought at once: a build of the branch's head when another commit is live (trigger `resume`),
   * else a redeploy when its configuration changed, else nothing. @throws Failure `not-found`
   */
  resume(
    ownerId: string,
    name: string,
    by: string,
    now: number
  ): Promise<{ record: FunctionRecord; build: Build | null }>
  /** Takes a function out of service: its live deployment becomes `draining`, and nothing that is under way brings it back. The name stays its repository's. @throws Failure `not-found` */
  remove(ownerId: string, name: string, now: number): Promise<void>
  /** What gateways serve. */
  routes(): Promise<Route[]>
  /** Changes whenever `routes` may have changed: cheap to ask often. */
  routesVersion(): Promise<number>
}
