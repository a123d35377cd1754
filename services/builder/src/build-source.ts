import { isUploaded, type Store } from '@slipway/domain'
import type { Uploads } from '@slipway/source'
import type { Checkout, Mirrors } from './git/mirrors.ts'
import { type SettleHeadDeps, settleHead } from './settle-head.ts'
import type { HeldClaim } from './stack-secrets.ts'

export interface BuildSourceDeps {
  store: Pick<Store, 'builds'>
  mirrors: Mirrors
  uploads: Pick<Uploads, 'checkout'>
  access: SettleHeadDeps['access']
  now: () => number
  say(text: string): void
}

/**
 * The files that a claimed build is made of: its commit from git when that is the head still, or the folder that was sent.
 * null: the build gave way and has ended.
 */
export async function sourceOf(claim: HeldClaim, deps: BuildSourceDeps, signal: AbortSignal): Promise<Checkout | null> {
  const { build, repository, holder } = claim
  const { store, mirrors, now, say } = deps
  if (isUploaded(repository)) return uploadOf(claim, deps, signal)
  if (!(await settleHead(claim, { ...deps, holder }, signal))) return null
  const source = await mirrors.checkout({ repositoryId: repository.id, commit: build.commit }, signal)
  say(`checked out ${build.commit} of ${repository.fullName}`)
  return source

  /** There is no head to look at: whoever sends something newer has the store end this build. */
  async function uploadOf(
    { build: { id, commit, trigger } }: HeldClaim,
    { uploads }: BuildSourceDeps,
    stop: AbortSignal
  ) {
    if (trigger !== 'rebuild') await store.builds.observe(id, holder, now())
    const empty = await mirrors.emptyCheckout()
    try {
      await uploads.checkout(commit, empty.path, stop)
    } catch (err) {
      await empty[Symbol.asyncDispose]()
      throw err
    }
    say(`unpacked what was sent of ${repository.fullName}: ${commit}`)
    return empty
  }
}
