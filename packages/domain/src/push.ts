import { automaticDeploysOff } from './automatic-deploys.ts'
import { branchOf, isCommit, isValidFullName, isValidRef, type PushEvent } from './forge.ts'

/**
 * What the receiver answers to a push, and what it records. `ask`: the repository was lost, and a push from it may mean that it is
 * back: the forge is asked. `stopped`: the owner is suspended; the push counts again when it is not any more.
 */
export type PushDecision = { outcome: 'queue' } | { outcome: 'ignored' | 'skipped' | 'stopped' | 'ask'; reason: string }

/** What skips a build when it stands in the head commit's message. */
const skipWords = /\[(?:skip ci|ci skip|skip slipway)\]/i

/** The branch whose head is what should be live. */
export function productionRef(
  repository: { branch: string | null; defaultBranch: string },
  installationBranch: string | null
): string {
  return `refs/heads/${repository.branch ?? installationBranch ?? repository.defaultBranch}`
}

/**
 * Decides what becomes of a verified push. A pure function of the push and what is stored of its repository.
 *
 * @param known what the store knows of the repository; null when this is the first that is heard of it.
 */
export function decidePush(
  push: PushEvent,
  known: {
    branch: string | null
    disconnectedAt: number | null
    suspendedAt: number | null
    isAutomatic: boolean
    /** Why nothing of its owner is built. */
    ownerStop: string | null
  } | null,
  installationBranch: string | null
): PushDecision {
  const { ref, commit, repository } = push
  if (!isValidFullName(repository.fullName))
    return { outcome: 'ignored', reason: 'the repository has a name that no forge allows' }
  if (!isValidRef(ref)) return { outcome: 'ignored', reason: 'the ref is not a valid git ref' }
  if (branchOf(ref) === null) return { outcome: 'ignored', reason: `${ref} is not a branch` }
  if (known?.disconnectedAt != null) {
    return { outcome: 'ask', reason: 'the repository was disconnected: the forge is asked whether it is back' }
  }
  if (known?.suspendedAt != null) return { outcome: 'ignored', reason: 'the installation is suspended' }
  const wanted = productionRef(
    { branch: known?.branch ?? null, defaultBranch: repository.defaultBranch },
    installationBranch
  )
  if (ref !== wanted) return { outcome: 'ignored', reason: `${ref} is not the production branch (${wanted})` }
  if (commit === null) return { outcome: 'ignored', reason: 'the branch was deleted' }
  if (!isCommit(commit)) return { outcome: 'ignored', reason: 'the commit is not a full object id' }
  const reason = skipReason(push.message)
  if (reason !== null) return { outcome: 'skipped', reason }
  if (known?.isAutomatic === false) return { outcome: 'skipped', reason: automaticDeploysOff }
  const stop = known?.ownerStop ?? null
  return stop === null ? { outcome: 'queue' } : { outcome: 'stopped', reason: stop }
}

/** Why a commit with this message is not built by itself; null when it is. */
export function skipReason(message: string): string | null {
  const word = skipWords.exec(message)
  return word === null ? null : `the commit message says ${word[0]}`
}
