import { isDeepStrictEqual } from 'node:util'
import { type Deployment, type Store, shortCommit } from '@slipway/domain'
import type { PlannedFunction } from './function-images.ts'
import type { Mirrors } from './git/mirrors.ts'
import type { HeldClaim } from './stack-secrets.ts'

export interface UntouchedDeps {
  store: {
    builds: Pick<Store['builds'], 'list'>
    functions: Pick<Store['functions'], 'list' | 'get'>
    deployments: Pick<Store['deployments'], 'get'>
  }
  mirrors: Pick<Mirrors, 'changedPaths'>
}

/** What says more than what is built of it: which functions there are, and what they are given. */
const ofAllFunctions = /(?:^|\/)(?:stack|secrets)\.ya?ml$/

/**
 * Why a push needs neither a build nor a roll-out: no function's handler, template, copied files or entry has changed since the commit
 * that is live. null: something has, or it cannot be told. The forge's list of changed files is never asked.
 */
export async function findUntouched(
  { store, mirrors }: UntouchedDeps,
  claim: HeldClaim,
  planned: readonly PlannedFunction[],
  signal: AbortSignal
): Promise<string | null> {
  const { build, repository } = claim
  if ((build.trigger !== 'push' && build.trigger !== 'head') || build.noCache || planned.length === 0) return null
  const commits = new Set<string>()
  for (const one of planned) {
    const live = await liveOf(store, claim, one.spec.name)
    if (live === null || live.commit === null || !isSame(live, one)) return null
    commits.add(live.commit)
  }
  // Asked for again, by a force push or a lost delivery: it is made sure of.
  if (commits.has(build.commit)) return null
  if ((await hasOthers(store, claim, planned)) || (await isAfterFailure(store, claim))) return null
  for (const from of commits) {
    const paths = await mirrors.changedPaths({ repositoryId: repository.id, from, to: build.commit }, signal)
    if (paths === null || paths.some((path) => path === repository.stackPath || ofAllFunctions.test(path))) return null
  }
  const since = [...commits].map(shortCommit).join(', ')
  return `no function has changed since ${since}, which is live`
}

async function liveOf(
  store: UntouchedDeps['store'],
  { build, repository }: HeldClaim,
  name: string
): Promise<Deployment | null> {
  const record = await store.functions.get(build.ownerId, name)
  if (record === null || record.repositoryId !== repository.id || record.isPaused) return null
  const live = record.liveDeploymentId === null ? null : await store.deployments.get(record.liveDeploymentId)
  return live?.source === 'git' ? live : null
}

/** An image's tag is the key of what it was made from. */
function isSame(live: Deployment, { spec, context }: PlannedFunction): boolean {
  const declared = { ...live.spec, environment: live.declaredEnvironment }
  return context !== null && live.image.tag === context.contentKey && isDeepStrictEqual(declared, spec)
}

/** Functions that are live and have left the stack go with a roll-out. */
async function hasOthers(
  store: UntouchedDeps['store'],
  { build, repository }: HeldClaim,
  planned: readonly PlannedFunction[]
): Promise<boolean> {
  const names = new Set(planned.map(({ spec }) => spec.name))
  const page = { before: null, limit: names.size + 200 }
  const all = await store.functions.list(build.ownerId, { repositoryId: repository.id }, page)
  return all.some(({ name, liveDeploymentId }) => liveDeploymentId !== null && !names.has(name))
}

/** Whoever mends what failed, if only by taking it back, wants to see that it is live. */
async function isAfterFailure(store: UntouchedDeps['store'], { build }: HeldClaim): Promise<boolean> {
  const { id, repositoryId, ref } = build
  const builds = await store.builds.list(null, { repositoryId, ref }, { before: id, limit: 20 })
  const decided = builds.find(({ status }) => status !== 'superseded' && status !== 'cancelled')
  return decided?.status === 'failed' || decided?.status === 'error'
}
