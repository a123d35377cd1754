import { setTimeout as sleep } from 'node:timers/promises'
import { type Claim, Failure, judgeHead, type Store, shortCommit } from '@slipway/domain'
import type { Mirrors } from './git/mirrors.ts'

/** A forge may name the former head right after a push: it is asked again so much later. */
const askAgainMs = [1000, 3000, 9000]

export interface SettleHeadDeps {
  store: Pick<Store, 'builds'>
  mirrors: Pick<Mirrors, 'fetchHead'>
  /** Where to clone from, and a credential for exactly this repository. */
  access(
    repositoryId: string,
    signal: AbortSignal
  ): Promise<{ cloneUrl: string; credential: Parameters<Mirrors['fetchHead']>[0]['credential'] }>
  holder: string
  now: () => number
  say(text: string): void
}

/**
 * Fetches, and decides whether the claimed build's commit is what should be live. False: the build gave way and has ended.
 *
 * @throws Failure `head-unsettled` when the forge goes on naming the commit before the push; what `fetchHead` throws.
 */
export async function settleHead(claim: Claim, deps: SettleHeadDeps, signal: AbortSignal): Promise<boolean> {
  const { store, mirrors, access, holder, now, say } = deps
  const { build, repository, observation } = claim
  const { cloneUrl, credential } = await access(repository.id, signal)
  for (let asked = 0; ; asked++) {
    const head = await mirrors.fetchHead(
      { repositoryId: repository.id, cloneUrl, ref: build.ref, credential, extraCommit: build.commit },
      signal
    )
    const verdict = judgeHead(build, head, observation, now())
    switch (verdict) {
      case 'go-on':
        // A rebuild of a commit that is not the head says nothing about where the head is.
        if (head === build.commit) await store.builds.observe(build.id, holder, now())
        return true
      case 'duplicate':
        await store.builds.giveWay(
          build.id,
          holder,
          { status: 'skipped', reason: `${shortCommit(build.commit)} was built already`, head: null },
          now()
        )
        return false
      case 'gone':
      case 'superseded': {
        const reason = head === null ? 'the branch is gone' : `the branch is at ${shortCommit(head)} now`
        say(`${shortCommit(build.commit)} is not built: ${reason}`)
        await store.builds.giveWay(build.id, holder, { status: 'superseded', reason, head }, now())
        return false
      }
      case 'ask-again': {
        const waitMs = askAgainMs[asked]
        if (waitMs === undefined) {
          throw new Failure(
            'head-unsettled',
            `the forge does not show ${shortCommit(build.commit)} on ${build.ref} yet: it is tried again`
          )
        }
        say(`the forge still shows the commit before ${shortCommit(build.commit)}: asking again in ${waitMs / 1000} s`)
        await sleep(waitMs, undefined, { signal })
      }
    }
  }
}
