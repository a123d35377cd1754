import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createRedactor } from '@slipway/secrets'
import { createLogger, createStage } from '@slipway/service'
import { createStore } from '@slipway/store'
import { createFakeCluster, imageOf, pushOf, seedBuilt, seedClaim, seedPush, specOf } from '@slipway/testing'
import { createDeploy } from './deploy.ts'

export const logger = createLogger('test', 'silent')
export const commits = { a: 'a'.repeat(40), b: 'b'.repeat(40), c: 'c'.repeat(40) }
export const never = new AbortController().signal
export const now = Date.now

/** Roll-outs on a store in a file and a cluster in memory. */
export async function createDeployerForTest(t: TestContext, { startTimeoutMs = 60_000 } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-deployer-'))
  const store = await createStore({ url: null, file: join(directory, 'store.sqlite') })
  const cluster = createFakeCluster({ now })
  const cancels = new Set<(buildId: string) => void>()
  let switches = 0
  /** Images that the registry lost, pinned. */
  const gone = new Set<string>()
  const runStage = createStage({
    builds: store.builds,
    leaseMs: 60_000,
    now,
    logger,
    onCancel: (listener) => {
      cancels.add(listener)
      return () => cancels.delete(listener)
    },
    changed: () => {}
  })
  const deploy = createDeploy({
    redactors: { of: () => Promise.resolve(createRedactor(['hunter2hunter2'])) },
    store,
    cluster,
    runStage,
    forges: new Map([['github', { kind: 'github', repositoryUrl: () => 'http://forge.test/alice/shop' }]]),
    hasImage: async (pinned) => !gone.has(pinned),
    startTimeoutMs,
    holder: 'deployer',
    leaseMs: 60_000,
    now,
    logger,
    routesChanged: () => {
      switches += 1
    },
    changed: () => {}
  })
  t.after(async () => {
    await cluster.close()
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })
  /** A push that was built, up to where a deployer takes it. It changes all functions but the ones that are named last. */
  async function built(
    commit: string,
    names: string[],
    change: Parameters<typeof specOf>[1] = {},
    unchanged: readonly string[] = []
  ) {
    const buildId = await seedPush(store, pushOf(commit), now())
    await seedClaim(store, buildId, now())
    await seedBuilt(
      store,
      buildId,
      names.map((name) => ({
        spec: specOf(name, change),
        image: imageOf(name, unchanged.includes(name) ? 'e' : commit[0])
      })),
      now()
    )
    return buildId
  }
  const routes = async () =>
    (await store.functions.routes()).map(({ functionName, deploymentId }): [string, string] => [
      functionName,
      deploymentId
    ])
  const running = async () => (await cluster.list(never)).map(({ deploymentId }) => deploymentId)
  return {
    store,
    cluster,
    deploy,
    built,
    routes,
    running,
    gone,
    cancel: (id: string) => cancels.forEach((listen) => listen(id)),
    switches: () => switches
  }
}
