import type { BuildView, FunctionView, RepositoryView } from '@slipway/client'
import { automaticDeploysOff } from '@slipway/domain/automatic-deploys'
import { branchOf, isOver, shortCommit } from './build.ts'

/** How what is live stands to the last commit that is known of the production branch, and what would mend it. */
export interface Standing {
  isSame: boolean
  words: string
  mend: { kind: 'rebuild' | 'deploy'; buildId: string } | { kind: 'resume'; functions: string[] } | null
}

const ended: Partial<Record<BuildView['status'], string>> = {
  failed: 'failed',
  error: 'could not be finished',
  superseded: 'gave way to a newer push',
  cancelled: 'was stopped',
  skipped: 'was left out'
}

type Branch = Pick<RepositoryView, 'branch' | 'defaultBranch' | 'disconnectedAt' | 'removedAt'>

/**
 * @param builds of the repository, newest first
 * @param functions of the repository
 */
export function standingOf(
  repository: Branch,
  builds: readonly BuildView[],
  functions: readonly FunctionView[]
): Standing {
  const branch = repository.branch ?? repository.defaultBranch
  const told = (isSame: boolean, words: string, mend: Standing['mend'] = null): Standing => ({ isSame, words, mend })
  if (repository.disconnectedAt !== null || repository.removedAt !== null) {
    return told(false, 'Its forge does not show the repository any more: connect it again and push.')
  }
  const newest = builds.find(
    ({ ref, trigger }) => branchOf(ref) === branch && !['rollback', 'redeploy', 'configuration'].includes(trigger)
  )
  if (newest === undefined) return told(false, `Nothing was built of ${branch} yet: push to it.`)
  const live = functions.filter((one) => one.live !== null)
  const behind = live.filter((one) => one.live?.commit !== newest.commit)
  const head = `${shortCommit(newest.commit)}, the last commit of ${branch} that is known,`
  if (!isOver(newest.status)) return told(false, `${head} is ${newest.status}.`)
  const paused = behind.filter((one) => one.isPaused).map(({ name }) => name)
  if (newest.status === 'live' && behind.length === 0) return told(true, `${head} is live.`)
  if (newest.status === 'skipped' && newest.reason === automaticDeploysOff) {
    // What is deployed by hand leaves paused functions alone, as pushes do.
    const words = `${head} is not live, because automatic deploys are off: it waits until somebody deploys it.`
    return told(false, words, { kind: 'deploy', buildId: newest.id })
  }
  if (paused.length > 0) {
    const words = `${head} is not live in ${paused.join(', ')}: pushes do not deploy ${paused.length === 1 ? 'it' : 'them'} since somebody paused or rolled back.`
    return told(false, words, { kind: 'resume', functions: paused })
  }
  const because = newest.reason === null ? '' : `, because: ${newest.reason}`
  const mend = { kind: 'rebuild', buildId: newest.id } as const
  if (newest.status === 'live') {
    return told(
      false,
      `${behind.map(({ name }) => name).join(', ')} runs another commit than ${head.slice(0, -1)}.`,
      mend
    )
  }
  return told(false, `${head} is not live: its build ${ended[newest.status] ?? newest.status}${because}.`, mend)
}
