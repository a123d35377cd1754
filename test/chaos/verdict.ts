import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Build, isTerminal, type Store } from '@slipway/domain'
import Docker from 'dockerode'
import { call, type Scene } from '../system/scene.ts'
import type { FailedCall } from './callers.ts'
import type { Death, Fleet } from './fleet.ts'
import { redisCommand } from './redis-command.ts'
import type { Subject } from './subject.ts'

export interface VerdictDeps {
  scene: Scene
  fleet: Fleet
  store: Store
  subjects: readonly Subject[]
  home: string
}

/** Statuses of a check that are not final. */
const unfinished = new Set(['queued', 'in_progress', 'pending', 'running'])

/**
 * What must be true once everything has calmed down: every branch's head is live, every build has ended, every commit was told so,
 * and nothing is left behind. One line for each thing that is not so (yet).
 */
export async function findProblems(deps: VerdictDeps): Promise<string[]> {
  const checks = [checkHeads, checkBuilds, checkStatuses, checkDeployments, checkEngine, checkFiles, checkQueue]
  const found = await Promise.all(checks.map((check) => check(deps)))
  return [...deps.fleet.crashes, ...found.flat()]
}

/** Asks until all is well. @returns what was not well at the last look; empty when all was. */
export async function settle(deps: VerdictDeps, timeoutMs: number): Promise<string[]> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const problems = await findProblems(deps).catch((err: unknown) => [`could not look: ${String(err)}`])
    if (problems.length === 0 || performance.now() > end) return problems
    await sleep(500)
  }
}

async function checkHeads({ scene, subjects }: VerdictDeps): Promise<string[]> {
  const problems: string[] = []
  for (const { owner, expected } of subjects) {
    for (const [name, words] of Object.entries(expected()?.answers ?? {})) {
      const { status, body } = await call(scene, `/function/${owner}-${name}`)
      const isRight = words === null ? status === 404 : status === 200 && body === words
      const wanted = words === null ? '404' : JSON.stringify(words)
      if (!isRight) problems.push(`${owner}-${name} should answer ${wanted}, not ${status} ${body.slice(0, 120)}`)
    }
  }
  return problems
}

export async function allBuilds(store: Store): Promise<Build[]> {
  const builds: Build[] = []
  for (let before: string | null = null; ; ) {
    const page = await store.builds.list(null, {}, { before, limit: 100 })
    builds.push(...page)
    before = page.at(-1)?.id ?? null
    if (before === null) return builds
  }
}

async function checkBuilds({ store }: VerdictDeps): Promise<string[]> {
  const builds = await allBuilds(store)
  return builds
    .filter(({ status }) => !isTerminal(status))
    .map(({ id, status, attempt, reason }) => `build ${id} is ${status} (attempt ${attempt}, ${reason})`)
}

async function checkStatuses({ scene, subjects }: VerdictDeps): Promise<string[]> {
  return subjects.flatMap(({ repository, pushed, expected }) =>
    [...new Set(pushed)].flatMap((commit) => {
      const reports = scene.github.statuses(repository.hosted.id, commit)
      const place = `${repository.hosted.fullName} ${commit.slice(0, 7)}`
      if (reports.length === 0) return [`${place} has no status`]
      const open = reports.filter(({ state }) => unfinished.has(state))
      const stack = reports.find(({ context }) => context === 'slipway/stack')
      const isHead = expected()?.commit === commit
      if (isHead && stack?.state !== 'success') return [`${place} is live, but its status is ${stack?.state}`]
      return open.map(({ context, state }) => `${place}: ${context} is ${state}`)
    })
  )
}

async function checkDeployments({ store }: VerdictDeps): Promise<string[]> {
  const running = await store.deployments.running()
  return running
    .filter(({ status }) => status !== 'live')
    .map(({ clusterName, status }) => `a deployment of ${clusterName} is ${status}`)
}

async function checkEngine({ fleet, store }: VerdictDeps): Promise<string[]> {
  const docker = new Docker()
  const label = [`com.slipway.installation=${fleet.endpoints.installation}`]
  const running = await store.deployments.running()
  const live = new Set(running.map(({ id }) => id))
  // Of an owner who has something live, a network may be held for it or for its next version, also by a deployer that was killed.
  const owners = new Set(running.map(({ ownerSlug }) => ownerSlug))
  const isNetwork = (of: Record<string, string>) =>
    of['com.slipway.role'] === 'network' && owners.has(of['com.slipway.owner'] ?? '')
  const containers = await docker.listContainers({ all: true, filters: { label } })
  const seen = containers.map(({ Labels }) => Labels['com.slipway.deployment'] ?? 'none')
  const images = await docker.listImages({ filters: { label, dangling: ['true'] } })
  return [
    ...containers
      .filter(({ Labels }, i) => !live.has(seen[i] ?? '') && !isNetwork(Labels))
      .map(({ Names, State }) => `the container ${Names[0]} (${State}) is left over`),
    ...[...live].filter((id) => !seen.includes(id)).map((id) => `the deployment ${id} has no container`),
    ...images
      .filter(({ RepoDigests }) => (RepoDigests ?? []).every((digest) => digest.startsWith('<none>')))
      .map(({ Id }) => `the image ${Id} has no name`)
  ]
}

async function checkFiles({ home }: VerdictDeps): Promise<string[]> {
  const mirrors = join(home, 'mirrors')
  const checkouts = await entriesOf(join(mirrors, 'checkouts'))
  const builders = checkouts.filter((name) => !name.endsWith('.lock'))
  const trees = (await Promise.all(builders.map((name) => entriesOf(join(mirrors, 'checkouts', name))))).flat()
  const repositories = await readdir(join(mirrors, 'repositories'), { recursive: true })
  return [
    ...(builders.length > 1 ? [`checkout directories of ${builders.length - 1} dead builders are left over`] : []),
    ...trees.map((name) => `the checkout ${name} is left over`),
    ...repositories
      .filter((name) => /\.lock(?:\.[0-9a-f-]{36})?$|\.git\.(?:new|discarded)$|tmp_(?:pack|idx|obj)_/.test(name))
      .map((name) => `${name} is left over among the mirrors`)
  ]
}

async function entriesOf(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return []
    throw err
  }
}

async function checkQueue({ fleet }: VerdictDeps): Promise<string[]> {
  const lists = ['build', 'deploy'].flatMap((queue) => ['wait', 'active'].map((list) => `${queue}:${list}`))
  const lengths = await Promise.all(lists.map((list) => redisCommand(fleet.redisPort, `LLEN slipway:${list}`)))
  return lists.flatMap((list, i) => (lengths[i] === ':0' ? [] : [`the queue's ${list} holds ${lengths[i]}`]))
}

/** So long it may take until a caller has heard that a connection which it kept is gone. */
const hearingMs = 100

/**
 * A call may fail only where its own gateway was killed: without an answer, ended after the signal, and begun before that gateway was
 * gone, or sent right after that on a connection which was made before.
 */
export function isOfKill(call: FailedCall, deaths: readonly Death[]): boolean {
  if (!call.isBroken) return false
  return deaths.some(({ member, at, goneAt }) => {
    if (!member.startsWith('gateway') || call.to < at) return false
    const wasKept = call.keptSince !== null && call.keptSince <= goneAt && call.to <= goneAt + hearingMs
    return call.from <= goneAt || wasKept
  })
}
