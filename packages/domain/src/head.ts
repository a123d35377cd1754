import type { Build } from './build.ts'

/** What was last seen of a ref, by a build that had claimed it. */
export interface RefObservation {
  commit: string
  generation: number
  buildId: string
  /** Status of the build that observed it, now. */
  buildStatus: Build['status']
}

/**
 * - `go-on`: this commit is the head.
 * - `ask-again`: the forge still names the commit before this push; it may be behind itself.
 * - `duplicate`: the head is this commit, and an earlier build already took it up.
 * - `superseded`: the head is something else; it is queued instead.
 * - `gone`: the branch does not exist any more.
 */
export type HeadVerdict = 'go-on' | 'ask-again' | 'duplicate' | 'superseded' | 'gone'

/**
 * The event is a hint, the head is the truth: decides what becomes of a claimed build once its ref's head is known.
 *
 * @param head the commit that git names as the head now; null when the ref is gone.
 * @param observation the last one of this ref before this build; null when there is none.
 */
export function judgeHead(
  build: Pick<Build, 'id' | 'commit' | 'before' | 'trigger'>,
  head: string | null,
  observation: RefObservation | null
): HeadVerdict {
  if (build.trigger === 'rebuild') return 'go-on'
  if (head === build.commit) {
    const isTakenUp =
      observation !== null &&
      observation.buildId !== build.id &&
      observation.commit === build.commit &&
      (observation.buildStatus === 'live' || observation.buildStatus === 'failed')
    return isTakenUp ? 'duplicate' : 'go-on'
  }
  const isNothingLaterSeen =
    observation === null || observation.buildId === build.id || observation.commit === build.before
  if (build.trigger === 'push' && isNothingLaterSeen && head === build.before) return 'ask-again'
  return head === null ? 'gone' : 'superseded'
}
