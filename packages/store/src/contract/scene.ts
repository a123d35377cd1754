import assert from 'node:assert/strict'
import type {
  Build,
  Claim,
  Deployment,
  ForgeRepository,
  NewDeployment,
  PushEvent,
  ReceivedDelivery,
  Store
} from '@slipway/domain'
import { imageOf, specOf } from '@slipway/testing'
import { ample, commitOf, type Database } from './subject.ts'

/** Two stores on one database, as two processes have them, and a way to have them do something at the same moment. */
export async function twoStores({ open }: Database) {
  const first = await open()
  const second = await open()
  const storeOf = (i: number) => (i % 2 === 0 ? first : second)
  return {
    store: first,
    async atOnce<T>(count: number, work: (store: Store, i: number) => Promise<T>): Promise<T[]> {
      // All connections are there before it begins, or their opening would put the work in a row.
      await Promise.all(Array.from({ length: count }, (_, i) => storeOf(i).ping()))
      return Promise.all(Array.from({ length: count }, (_, i) => work(storeOf(i), i)))
    }
  }
}

/** A repository as its forge tells of it; `fullName` says owner and name, the numbers are its identity. */
export function forgeRepository(
  fullName: string,
  id: number,
  ownerId: number | null = 1
): ForgeRepository & { owner: NonNullable<ForgeRepository['owner']> } {
  const [login = '', name = ''] = fullName.split('/')
  return {
    forgeRepositoryId: String(id),
    name,
    fullName,
    defaultBranch: 'main',
    isPrivate: false,
    owner: ownerId === null ? (null as never) : { forgeOwnerId: String(ownerId), login },
    installationId: null
  }
}

export const shop = forgeRepository('alice/shop', 7)

export function push(commit: string, change: Partial<PushEvent> = {}): PushEvent {
  return {
    repository: shop,
    ref: 'refs/heads/main',
    before: null,
    commit,
    isForced: false,
    message: 'change',
    sender: { forgeUserId: '1', login: 'alice' },
    ...change
  }
}

export function delivery(
  deliveryId: string | null,
  event: ReceivedDelivery['event'] | PushEvent,
  forgeId = 'github'
): { forgeId: string; delivery: ReceivedDelivery } {
  const said = 'kind' in event ? event : { kind: 'push' as const, push: event }
  return { forgeId, delivery: { deliveryId, eventName: said.kind, event: said } }
}

/** Queues a build of a commit in a connected repository. */
export async function queued(
  store: Store,
  commit: string,
  change: Partial<Parameters<Store['builds']['queue']>[0]> & { repository?: ReturnType<typeof forgeRepository> } = {},
  now = 0
): Promise<Build> {
  const { repository = shop, ...rest } = change
  const { id } = await store.repositories.connect('github', repository, now)
  return store.builds.queue(
    {
      repositoryId: id,
      ref: 'refs/heads/main',
      commit: commitOf(commit),
      before: null,
      trigger: 'push',
      message: null,
      sender: null,
      noCache: false,
      ...rest
    },
    now
  )
}

export async function claimed(store: Store, buildId: string, holder = 'w', now = 0, leaseMs = 1000): Promise<Claim> {
  const claim = await store.builds.claim(buildId, holder, leaseMs, now)
  assert.ok(claim !== null, 'the build could not be claimed')
  return claim
}

/** Queues, builds and hands over a stack, and claims its roll-out as `d`. */
export async function deploying(
  store: Store,
  commit: string,
  names: string[],
  repository = shop,
  now = 0
): Promise<Claim> {
  const build = await queued(store, commit, { repository }, now)
  await claimed(store, build.id, 'w', now)
  await store.builds.observe(build.id, 'w', now)
  await store.builds.plan(
    build.id,
    'w',
    names.map((name) => ({ name, spec: specOf(name) })),
    []
  )
  for (const name of names) {
    await store.builds.updateFunction(build.id, name, { status: 'built', image: imageOf(name) })
  }
  await store.builds.handOver(build.id, 'w', now)
  const claim = await store.builds.claimDeploy(build.id, 'd', 1000, now)
  assert.ok(claim !== null, 'the roll-out could not be claimed')
  return claim
}

export function wanted(claim: Claim, name: string, change: Partial<NewDeployment> = {}): NewDeployment {
  return {
    functionName: name,
    clusterName: `${claim.ownerSlug}-${name}`,
    image: imageOf(name),
    spec: specOf(name),
    labels: { a: 'b' },
    annotations: {},
    replicas: 1,
    ...change
  }
}

/** Brings a commit's functions live, all of them, pruning what is not among them. */
export async function live(
  store: Store,
  commit: string,
  names: string[],
  repository = shop,
  now = 0
): Promise<{ claim: Claim; deployments: Deployment[] }> {
  const claim = await deploying(store, commit, names, repository, now)
  const deployments = await store.deployments.prepare(
    claim.build.id,
    'd',
    names.map((name) => wanted(claim, name)),
    now
  )
  for (const { id } of deployments) await store.deployments.setEndpoints(id, [{ host: '10.0.0.1', port: 8080 }], 1)
  const { isSwitched } = await store.deployments.switchLive(
    claim.build.id,
    'd',
    { deploymentIds: deployments.map(({ id }) => id), keep: names, finish: true, pause: false },
    now
  )
  assert.ok(isSwitched, 'the switch was refused')
  return { claim, deployments }
}

/** The next builds that may run, in order, without their lost jobs. */
export async function admitted(store: Store, limits = ample, now = 0): Promise<string[]> {
  return (await store.builds.admit(limits, now)).map(({ buildId }) => buildId)
}
