import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Failure } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { imageOf, specOf } from '@slipway/testing'
import { commits, createDeployerForTest, logger, never, now } from './deployer.fixture.ts'
import { createRecovery } from './recovery.ts'

type Ground = Pick<Awaited<ReturnType<typeof createDeployerForTest>>, 'store' | 'cluster'>

function recover(t: TestContext, { store, cluster }: Ground, periodMs = 20) {
  const options = {
    store,
    cluster,
    isScaled: () => false,
    routesChanged: () => {},
    isLeader: () => true,
    periodMs,
    now,
    monotonicNow: now,
    logger
  }
  const recovery = createRecovery(options)
  t.after(() => recovery.close())
  return recovery
}

test('what is live comes back after a reboot, and what a killed roll-out left is taken away', async (t) => {
  const { store, cluster, deploy, built, running } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello']) }, never)
  const [live] = await running()
  const abandoned = await built(commits.b, ['hello'])
  await store.builds.claimDeploy(abandoned, 'killed', 60_000, now())
  const [left] = await store.deployments.prepare(
    abandoned,
    'killed',
    [
      {
        functionName: 'hello',
        clusterName: 'alice-hello',
        image: imageOf('hello'),
        spec: specOf('hello'),
        labels: {},
        annotations: {},
        replicas: 1
      }
    ],
    now()
  )
  assert.ok(left)
  await cluster.apply(left, never)
  await store.builds.finish(abandoned, 'killed', { status: 'failed', reason: 'killed' }, now())
  cluster.stopReplicas(live ?? '')

  recover(t, { store, cluster })
  const objects = () => cluster.list(never)
  await waitFor(async () => (await objects()).length === 1 && (await objects())[0]?.availableReplicas === 1, {
    timeoutMs: 20_000
  })
  assert.deepEqual(await running(), [live])
  assert.equal((await store.deployments.get(left.id))?.status, 'ended')
})

test('what a roll-out started that was cancelled while it waited for another try is taken away', async (t) => {
  const { store, cluster, deploy, built, running } = await createDeployerForTest(t)
  const buildId = await built(commits.a, ['hello', 'other'])
  cluster.failNext('apply', new Failure('unavailable', 'the engine is away'))
  await deploy({ buildId }, never)
  assert.deepEqual([(await store.builds.get(buildId))?.attempt, (await running()).length], [1, 1])
  assert.equal((await store.builds.requestCancel(buildId, 'alice', now())).status, 'cancelled')
  recover(t, { store, cluster })
  await waitFor(async () => (await running()).length === 0, { timeoutMs: 20_000, what: 'the left-over to go' })
  await waitFor(async () => (await store.deployments.running()).length === 0, { timeoutMs: 20_000 })
})

test('the store is believed only while it answers: a cluster that is away changes nothing', async (t) => {
  const { store, cluster, deploy, built, routes } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello']) }, never)
  const before = await routes()
  cluster.setAway(true)
  const recovery = recover(t, { store, cluster }, 10)
  await new Promise((done) => setTimeout(done, 60))
  await recovery.close()
  assert.deepEqual(await routes(), before)
})

test('a deployment that goes live while a round looks at the cluster is left alone', async (t) => {
  const { store, cluster, deploy, built, running } = await createDeployerForTest(t)
  const buildId = await built(commits.a, ['hello'])
  const isLooked = Promise.withResolvers<void>()
  const isLive = Promise.withResolvers<void>()
  const { list } = cluster
  const { setEndpoints } = store.deployments
  // The round has read the store, where the deployment is starting, and reads the cluster only when it is live.
  store.deployments.setEndpoints = async (...change) => {
    store.deployments.setEndpoints = setEndpoints
    recover(t, { store, cluster }, 3_600_000)
    await isLooked.promise
    await setEndpoints(...change)
  }
  cluster.list = async (signal) => {
    isLooked.resolve()
    await isLive.promise
    return list(signal)
  }
  await deploy({ buildId }, never)
  cluster.list = list
  const [live] = await running()
  assert.equal((await store.deployments.get(live ?? ''))?.status, 'live')
  isLive.resolve()
  await new Promise((done) => setTimeout(done, 100))
  assert.deepEqual(await running(), [live])
})

test('a live deployment that is gone has no address until it is back', async (t) => {
  const { store, cluster, deploy, built } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello']) }, never)
  const endpoints = async () => (await store.functions.routes())[0]?.endpoints
  const [route] = await store.functions.routes()
  await cluster.remove(route?.deploymentId ?? '', 0, never)
  const isAsked = Promise.withResolvers<void>()
  const isReady = Promise.withResolvers<void>()
  const { apply } = cluster
  cluster.apply = async (...deployment) => {
    isAsked.resolve()
    await isReady.promise
    return apply(...deployment)
  }
  recover(t, { store, cluster })
  await isAsked.promise
  assert.deepEqual(await endpoints(), [])
  isReady.resolve()
  await waitFor(async () => (await endpoints())?.length === 1, { timeoutMs: 20_000, what: 'the new address' })
  assert.deepEqual(await endpoints(), (await cluster.list(never))[0]?.endpoints)
})

test('one that does not become ready again has no address any more, and is tried again', async (t) => {
  const { store, cluster, deploy, built, running } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello']) }, never)
  const [live = ''] = await running()
  const endpoints = async () => (await store.functions.routes())[0]?.endpoints
  cluster.stopReplicas(live)
  const { apply } = cluster
  cluster.apply = async (deployment) => {
    cluster.apply = apply
    await cluster.remove(deployment.id, 0, never)
    throw new Failure('not-ready', 'it exited with code 1')
  }
  recover(t, { store, cluster })
  await waitFor(async () => (await endpoints())?.length === 0, { timeoutMs: 20_000, what: 'the address to be gone' })
  await waitFor(async () => (await endpoints())?.length === 1, { timeoutMs: 20_000, what: 'the next try' })
})

test('functions that hang at their start do not hold up another one', async (t) => {
  const { store, cluster, deploy, built, running } = await createDeployerForTest(t)
  const hanging = Array.from({ length: 12 }, (_, i) => `a${i}`)
  await deploy({ buildId: await built(commits.a, [...hanging, 'hello']) }, never)
  for (const id of await running()) cluster.stopReplicas(id)
  const { apply } = cluster
  const hung = new Map<string, number>()
  let open = 0
  cluster.apply = async (deployment, signal) => {
    const tries = hung.get(deployment.functionName) ?? 0
    if (deployment.functionName === 'hello') return apply(deployment, signal)
    hung.set(deployment.functionName, tries + 1)
    if (tries === 0) throw new Failure('unavailable', 'not yet')
    open += 1
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
  }
  recover(t, { store, cluster })
  const isBack = async () =>
    (await cluster.list(never)).some(
      ({ clusterName, availableReplicas }) => clusterName === 'alice-hello' && availableReplicas === 1
    )
  await waitFor(isBack, { timeoutMs: 20_000, what: 'the good one' })
  // By now the others hang, as many of them as may; the good one stops once more.
  await waitFor(() => open === 4, { timeoutMs: 20_000, what: 'the second tries' })
  const good = (await cluster.list(never)).find(({ clusterName }) => clusterName === 'alice-hello')
  cluster.stopReplicas(good?.deploymentId ?? '')
  await waitFor(isBack, { timeoutMs: 20_000, what: 'the good one, once more' })
  assert.equal(open, 4)
})

test('a function that is scaled to nothing is as it should be', async (t) => {
  const { store, cluster, deploy, built, running } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello']) }, never)
  const [live = ''] = await running()
  const deployment = await store.deployments.get(live)
  assert.ok(deployment)
  await cluster.scale(deployment, 0, never)
  await store.deployments.setEndpoints(live, [], 0)
  let applied = 0
  cluster.apply = async () => {
    applied += 1
    return []
  }
  recover(t, { store, cluster })
  await new Promise((done) => setTimeout(done, 200))
  assert.equal(applied, 0)
})
