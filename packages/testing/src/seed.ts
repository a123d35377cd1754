import type { Claim, Deployment, FunctionSpec, ImageReference, PushEvent, Store } from '@slipway/domain'

const digest = (character: string) => `sha256:${character.repeat(64)}`

/** A function's configuration with the platform's defaults. */
export function specOf(name: string, change: Partial<FunctionSpec> = {}): FunctionSpec {
  return {
    name,
    environment: {},
    secrets: [],
    labels: {},
    annotations: {},
    limits: { memoryBytes: 128 * 1024 * 1024, cpuMillis: 500 },
    requests: null,
    replicas: { min: 1, max: 4 },
    hasReadonlyRoot: true,
    fprocess: null,
    constraints: [],
    readiness: {
      path: '/_/ready',
      pathSource: 'test',
      initialDelayMs: 0,
      periodMs: 1000,
      timeoutMs: 1000,
      successThreshold: 1,
      failureThreshold: 3
    },
    writeTimeoutMs: 60_000,
    ...change
  }
}

export function imageOf(name: string, character = 'a'): ImageReference {
  return { repository: `127.0.0.1:5000/alice/shop-${name}`, tag: 'key', digest: digest(character) }
}

/** A push to the production branch of `alice/shop`. */
export function pushOf(commit: string, change: Partial<PushEvent> = {}): PushEvent {
  return {
    repository: {
      forgeRepositoryId: '7',
      name: 'shop',
      fullName: 'alice/shop',
      defaultBranch: 'main',
      isPrivate: false,
      owner: { forgeOwnerId: '1', login: 'alice' },
      installationId: '3'
    },
    ref: 'refs/heads/main',
    before: null,
    commit,
    isForced: false,
    message: 'change',
    sender: { forgeUserId: '1', login: 'alice' },
    ...change
  }
}

let deliveries = 0

/** Records a push of the forge `github`; returns the build that it queued. */
export async function seedPush(store: Store, push: PushEvent, now: number): Promise<string> {
  const delivery = { deliveryId: `seed-${++deliveries}`, eventName: 'push', event: { kind: 'push' as const, push } }
  const [recorded] = await store.deliveries.record([{ forgeId: 'github', delivery }], null, now)
  if (recorded?.buildId == null) throw new Error(`the push was not queued: ${recorded?.reason}`)
  return recorded.buildId
}

/** Admits and claims a queued build, as a builder does. */
export async function seedClaim(store: Store, buildId: string, now: number): Promise<Claim> {
  await store.builds.admit({ slots: 100, perOwner: 100, redispatchMs: 60_000 }, now)
  const claim = await store.builds.claim(buildId, 'seed', 60_000, now)
  if (claim === null) throw new Error('the build could not be claimed')
  await store.builds.observe(buildId, 'seed', now)
  return claim
}

/** Brings a claimed build to the roll-out: its functions are built. Nobody holds it afterwards. */
export async function seedBuilt(
  store: Store,
  buildId: string,
  functions: { spec: FunctionSpec; image: ImageReference }[],
  now: number
): Promise<void> {
  await store.builds.plan(
    buildId,
    'seed',
    functions.map(({ spec }) => ({ name: spec.name, spec })),
    []
  )
  for (const { spec, image } of functions) {
    await store.builds.updateFunction(buildId, spec.name, { status: 'built', image, contentKey: 'key', builtAt: now })
  }
  await store.builds.handOver(buildId, 'seed', now)
}

/** A push of the functions that went live. */
export async function seedLive(
  store: Store,
  push: PushEvent,
  functions: { spec: FunctionSpec; image: ImageReference }[],
  now: number,
  options: { mayStay?: boolean } = {}
): Promise<Deployment[]> {
  return seedRolledOut(store, await seedPush(store, push, now), functions, now, options)
}

/** Brings a queued build live. `mayStay`: of what is live unchanged nothing new is made. */
export async function seedRolledOut(
  store: Store,
  buildId: string,
  functions: { spec: FunctionSpec; image: ImageReference }[],
  now: number,
  { mayStay = false }: { mayStay?: boolean } = {}
): Promise<Deployment[]> {
  await seedClaim(store, buildId, now)
  await seedBuilt(store, buildId, functions, now)
  const claim = await store.builds.claimDeploy(buildId, 'seed', 60_000, now)
  if (claim === null) throw new Error('the roll-out could not be claimed')
  const prepared = await store.deployments.prepare(
    buildId,
    'seed',
    functions.map(({ spec, image }) => ({
      functionName: spec.name,
      clusterName: `${claim.ownerSlug}-${spec.name}`,
      image,
      spec,
      labels: {},
      annotations: {},
      replicas: 1,
      mayStay
    })),
    now
  )
  for (const { id } of prepared) await store.deployments.setEndpoints(id, [{ host: '127.0.0.1', port: 9 }], 1)
  const deploymentIds = prepared.map(({ id }) => id)
  const keep = functions.map(({ spec }) => spec.name)
  const { isSwitched } = await store.deployments.switchLive(
    buildId,
    'seed',
    { deploymentIds, keep, finish: true, pause: false },
    now
  )
  if (!isSwitched) throw new Error('the roll-out was not switched')
  return prepared
}
