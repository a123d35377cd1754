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

/** No git server goes on naming the former head for so long: the push was taken back, and its delivery came last. */
export const settledHeadMs = 60_000

/**
 * The event is a hint, the head is the truth: decides what becomes of a claimed build once its ref's head is known.
 *
 * @param head the commit that git names as the head now; null when the ref is gone.
 * @param observation the last one of this ref before this build; null when there is none.
 */
export function judgeHead(
  build: Pick<Build, 'id' | 'commit' | 'before' | 'trigger' | 'createdAt'>,
  head: string | null,
  observation: RefObservation | null,
  now: number
): HeadVerdict {
  if (build.trigger === 'rebuild') return 'go-on'
  if (head === build.commit) {
    const isTakenUp =
      // What is resumed was left out when the commit was built.
      build.trigger !== 'resume' &&
      observation !== null &&
      observation.buildId !== build.id &&
      observation.commit === build.commit &&
      (observation.buildStatus === 'live' || observation.buildStatus === 'failed')
    return isTakenUp ? 'duplicate' : 'go-on'
  }
  const isNothingLaterSeen =
    observation === null || observation.buildId === build.id || observation.commit === build.before
  const isYoung = now - build.createdAt < settledHeadMs
  if (build.trigger === 'push' && isNothingLaterSeen && isYoung && head === build.before) return 'ask-again'
  return head === null ? 'gone' : 'superseded'
}

/** What the store knows of a production ref when its head is asked for on a timer. */
export interface RefKnowledge {
  observation: (Pick<RefObservation, 'commit'> & SeenBuild) | null
  /** The newest build of this commit and ref that began after the observed one and has ended. */
  ended: SeenBuild | null
  /** A build of this commit and ref waits or runs. */
  isUnderWay: boolean
  /** An earlier build of this ref than the observed one had this commit. */
  isEarlierCommit: boolean
  /** All functions of the repository are paused, a rollback's among them. */
  isPaused: boolean
  /** The repository's setting: its pushes are deployed by themselves. */
  isAutomatic: boolean
  /** Builds of this commit and ref that ended `error`. */
  errors: number
}

export interface SeenBuild {
  buildId: string
  status: Build['status']
  /** Somebody asked to cancel it. */
  isCancelAsked: boolean
  startedAt: number | null
  finishedAt: number | null
}

/**
 * `note`: a build has said all about this commit without observing it; it counts as the observed one from now on.
 * `skip`: nobody asked for it, and nothing goes live unasked: it is shown as skipped.
 */
export type HeadCourse = { course: 'nothing' | 'queue' | 'skip' } | { course: 'note'; buildId: string }

/** An API may be behind git for so long after a push: until then an earlier commit is taken for the past, not for a revert. */
export const staleHeadMs = 15_000

/** After the `errors`-th build of a commit that ended `error`, about an hour of tries each: 10 min, doubling, at most 6 h. */
export function errorBackoffMs(errors: number): number {
  return Math.min(10 * 60_000 * 2 ** Math.max(0, errors - 1), 6 * 60 * 60_000)
}

/**
 * The reconciler's rule: a head is queued when it differs from the observed commit, or when the observed build ended `error`
 * and its back-off is over. Builds before the observed one are not asked, so that a revert whose delivery was lost is seen.
 */
export function judgeSeenHead(head: string, known: RefKnowledge, now: number): HeadCourse {
  if (known.isUnderWay || known.isPaused) return { course: 'nothing' }
  const { observation, ended } = known
  const isObserved = observation?.commit === head
  if (!isObserved && (ended === null || !isLastWord(ended))) {
    const sinceMs = now - (observation?.startedAt ?? 0)
    // A time in the future was written by a clock that was set back since.
    const isMaybeStale = known.isEarlierCommit && sinceMs >= 0 && sinceMs < staleHeadMs
    if (isMaybeStale) return { course: 'nothing' }
    return { course: known.isAutomatic ? 'queue' : 'skip' }
  }
  const latest = ended ?? observation
  const pausedMs = now - (latest?.finishedAt ?? 0)
  if (known.isAutomatic && latest?.status === 'error' && (pausedMs < 0 || pausedMs >= errorBackoffMs(known.errors))) {
    return { course: 'queue' }
  }
  // Stopped with its installation, not by a person: it goes on with it.
  if (known.isAutomatic && isObserved && latest?.status === 'cancelled' && !latest.isCancelAsked)
    return { course: 'queue' }
  return isObserved || ended === null ? { course: 'nothing' } : { course: 'note', buildId: ended.buildId }
}

/** Skipped, failed, given up or cancelled by a person before the head was looked at: it is not tried again by itself. */
function isLastWord({ status, isCancelAsked }: SeenBuild): boolean {
  return status === 'skipped' || status === 'failed' || status === 'error' || (status === 'cancelled' && isCancelAsked)
}
