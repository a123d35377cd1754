import type { Build } from '../../build.ts'
import type { Variable, VariableScope, VariableUse } from '../../variable.ts'

export interface VariableChange {
  ownerId: string
  scope: VariableScope
  use: VariableUse
  set: Record<string, string>
  remove: string[]
  by: string
  /** Who changes, as the audit log names it. */
  actor: string
}

/** Values outside git. What they are for a function, `variablesFor` says. */
export interface Variables {
  /** All of an owner, in a fixed order: their number is limited. */
  list(ownerId: string): Promise<Variable[]>
  /**
   * Changes variables of one scope and use, with an entry in the audit that has before and after. Live functions whose
   * environment is another one then get a new deployment without a build, in the same transaction queued; paused ones keep theirs
   * until they are resumed. Build variables count from the next build on. Removing what is not there is fine.
   *
   * @returns what the scope has of this use then, and the builds that were queued.
   * @throws Failure `invalid-request`, `limit-exceeded` as `checkVariable`; `not-found` for a repository or function that is not the owner's
   */
  change(change: VariableChange, now: number): Promise<{ variables: Variable[]; redeploys: Build[] }>
}
