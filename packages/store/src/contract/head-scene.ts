import type { Build, Store, TerminalBuildStatus } from '@slipway/domain'
import { claimed, queued } from './scene.ts'
import { commitOf, firstPage } from './subject.ts'

export const ref = 'refs/heads/main'
export const [a, b, c] = [commitOf('a'), commitOf('b'), commitOf('c')]
/** Long after every build of these tests, and long before an error's back-off is over. */
export const later = 100_000

/** A build that looked at the head and ended. */
export async function observed(store: Store, commit: string, status: TerminalBuildStatus, now = 0): Promise<Build> {
  const build = await queued(store, '', { commit }, now)
  await claimed(store, build.id, 'w', now)
  await store.builds.observe(build.id, 'w', now)
  if (status === 'live') {
    await store.builds.handOver(build.id, 'w', now)
    await store.builds.claimDeploy(build.id, 'd', 1000, now)
    const change = { deploymentIds: [], keep: [], finish: true, pause: false }
    await store.deployments.switchLive(build.id, 'd', change, now)
  } else await store.builds.finish(build.id, 'w', { status, reason: 'it ended' }, now)
  return build
}

/** Asks a hundred times; returns the commits that were queued. */
export async function hundredTicks(store: Store, repositoryId: string, head: string, from = later): Promise<string[]> {
  const commits: string[] = []
  for (let tick = 0; tick < 100; tick++) {
    const build = await store.heads.settle(repositoryId, ref, head, from + tick * 1000)
    if (build !== null) commits.push(build.commit)
  }
  return commits
}

export const statuses = async (store: Store) =>
  (await store.builds.list(null, {}, firstPage))
    .toReversed()
    .map(({ trigger, status, commit }) => [trigger, status, commit === a ? 'a' : commit === b ? 'b' : 'c'])
