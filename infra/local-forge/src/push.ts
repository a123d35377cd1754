import type { Commit, Commits } from './commits.ts'
import type { RefChange } from './git-http.ts'
import type { HostedRepository } from './repositories.ts'
import type { Account } from './state.ts'

/** One ref that a push changed, with what a forge tells of it. */
export interface Push extends RefChange {
  repository: HostedRepository
  sender: Account
  isForced: boolean
  /** The commit that `after` names, behind an annotated tag too; null when the ref was deleted or names no commit. */
  head: Commit | null
  /** Message of an annotated tag. */
  tagMessage: string | null
  /** What the push brought, oldest first: the newest `limit` of them. */
  commits: Commit[]
  commitCount: number
}

/** @param limit how many commits are told one by one. */
export async function describePush(
  commits: Commits,
  repository: HostedRepository,
  sender: Account,
  change: RefChange,
  limit: number
): Promise<Push> {
  const { ref, before, after } = change
  const none = {
    ...change,
    repository,
    sender,
    isForced: false,
    head: null,
    tagMessage: null,
    commits: [],
    commitCount: 0
  }
  if (after === null) return none
  const headId = await commits.resolve(repository, after)
  const head = headId === null ? null : await commits.find(repository, headId)
  if (!ref.startsWith('refs/heads/')) {
    return { ...none, head, isForced: before !== null, tagMessage: await commits.tagMessage(repository, after) }
  }
  const range = { ref, before, after }
  return {
    ...none,
    head,
    isForced: before !== null && !(await commits.isAncestor(repository, before, after)),
    commits: await commits.pushed(repository, range, limit),
    commitCount: await commits.count(repository, range)
  }
}
