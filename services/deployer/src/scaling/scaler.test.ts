import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Failure } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { commits, createDeployerForTest, logger, never, now } from '../deployer.fixture.ts'
import { createRecovery } from '../recovery.ts'
import type { Load } from './load.ts'
import { createScaler } from './scaler.ts'
import { createScaling } from './scaling.ts'

const sleeper = { 'com.openfaas.scale.zero': 'true', 'com.openfaas.scale.zero-duration': '1m' }

/** A live function, a scaler that looks when it is told to, and a clock that goes when it is told to. */
async function createGround(t: TestContext, labels: Record<string, string>, isCalled = () => false) {
  const ground = await createDeployerForTest(t)
  const { store, cluster } = ground
  await ground.deploy({ buildId: await ground.built(commits.a, ['hello'], { labels }) }, never)
  const [id = ''] = await ground.running()
  let time = 0
  let load: Map<string, Load> | null = new Map()
  let isLeader = true
  const unstartable: string[] = []
  const gateways = { haveRoutes: () => true, haveLeft: () => !isCalled() }
  const scaling = createScaling({ store, cluster, gateways, routesChanged: () => {} })
  let takes = 0
  const scaler = createScaler({
    store,
    scaling,
    loads: {
      take: () => {
        takes += 1
        return load
      }
    },
    isLeader: () => isLeader,
    unstartable: (one) => unstartable.push(one),
    changed: () => {},
    periodMs: 3_600_000,
    monotonicNow: () => time,
    logger
  })
  t.after(() => scaler.close())
  const deployment = async () => {
    const found = await store.deployments.get(id)
    assert.ok(found)
    return found
  }
  /** Looks once more, and once again so that the first look is over. */
  async function look(ms: number): Promise<void> {
    time += ms
    for (let looks = 0; looks < 2; looks += 1) {
      const before = takes
      scaler.wake()
      await waitFor(() => takes > before, { timeoutMs: 10_000 })
    }
  }
  const has = (replicas: number) =>
    waitFor(async () => (await deployment()).replicas === replicas && !scaling.isUnderWay(id), {
      timeoutMs: 10_000,
      what: `${replicas} replicas`
    })
  return {
    ...ground,
    id,
    scaling,
    scaler,
    deployment,
    look,
    has,
    unstartable,
    setLoad: (next: Load | null) => {
      load = next === null ? null : new Map([[id, next]])
    },
    setLeader: (next: boolean) => {
      isLeader = next
    }
  }
}

test('an idle function goes to zero, is as it should be there, and one start serves all calls that wait', async (t) => {
  const { store, cluster, id, look, has, scaler, deployment } = await createGround(t, sleeper)
  await look(0)
  await look(59_000)
  assert.equal((await deployment()).replicas, 1)
  await look(1000)
  await has(0)
  assert.deepEqual([(await deployment()).endpoints, (await cluster.list(never))[0]?.replicas ?? 0], [[], 0])
  assert.deepEqual((await store.functions.routes())[0]?.startsOnCall, true)
  let starts = 0
  const { scale } = cluster
  cluster.scale = (...asked) => {
    starts += 1
    return scale(...asked)
  }
  for (let calls = 0; calls < 20; calls += 1) scaler.wakeUp([id])
  await has(1)
  scaler.wakeUp([id])
  await look(0)
  assert.deepEqual([starts, (await deployment()).endpoints.length], [1, 1])
  assert.equal((await store.functions.routes())[0]?.endpoints.length, 1)
})

test('recovery leaves a sleeping function, and one that is between two numbers, as they are', async (t) => {
  const ground = await createGround(t, sleeper)
  const { store, cluster, id, scaling, look, has } = ground
  await look(0)
  await look(60_000)
  await has(0)
  let applied = 0
  cluster.apply = async () => {
    applied += 1
    return []
  }
  let rounds = 0
  const recovery = createRecovery({
    store,
    cluster: {
      ...cluster,
      list: (signal) => {
        rounds += 1
        return cluster.list(signal)
      }
    },
    isScaled: scaling.isUnderWay,
    routesChanged: () => {},
    isLeader: () => true,
    periodMs: 10,
    now,
    monotonicNow: now,
    logger
  })
  t.after(() => recovery.close())
  await waitFor(() => rounds > 3, { timeoutMs: 10_000 })
  const waking = Promise.withResolvers<void>()
  const { scale } = cluster
  cluster.scale = async (...asked) => {
    await waking.promise
    return scale(...asked)
  }
  ground.scaler.wakeUp([id])
  const seen = rounds
  await waitFor(() => rounds > seen + 3, { timeoutMs: 10_000 })
  waking.resolve()
  await has(1)
  assert.equal(applied, 0)
})

test('a call that comes while the last replica is about to go keeps it', async (t) => {
  const { cluster, look, id, deployment, scaling } = await createGround(t, sleeper, () => true)
  let asked = 0
  cluster.scale = async () => {
    asked += 1
    return []
  }
  const before = await deployment()
  assert.equal(await scaling.follow(id, 0, never), false)
  await look(0)
  assert.deepEqual([await deployment(), asked], [before, 0])
})

test('what cannot be started is told to who waits, left alone for a while, and sleeps on', async (t) => {
  const { cluster, id, look, has, scaler, unstartable, deployment } = await createGround(t, sleeper)
  await look(0)
  await look(60_000)
  await has(0)
  cluster.failNext('scale', new Failure('not-ready', 'it exits'))
  scaler.wakeUp([id])
  await waitFor(() => unstartable.length === 1, { timeoutMs: 10_000 })
  assert.equal((await deployment()).replicas, 0)
  scaler.wakeUp([id])
  assert.deepEqual(unstartable, [id, id], 'at once: nobody waits for a start that is not tried')
  await look(5000)
  scaler.wakeUp([id])
  await has(1)
})

test('what somebody chose is not fought; none at all is like going there by itself', async (t) => {
  const { id, look, has, scaling, scaler, deployment } = await createGround(t, sleeper)
  await scaling.choose(id, 3, 'hand', never)
  await look(0)
  await look(600_000)
  await look(600_000)
  assert.deepEqual([(await deployment()).replicas, (await deployment()).isScaledByHand], [3, true])
  await assert.rejects(scaling.follow(id, 1, never), { code: 'conflict' })
  await scaling.choose(id, 0, 'hand', never)
  scaler.wakeUp([id])
  await has(1)
  assert.equal((await deployment()).isScaledByHand, false)
})

test('what was chosen ends when nobody is to choose any more: load and idleness count again', async (t) => {
  const { id, look, has, scaling, deployment } = await createGround(t, sleeper)
  await scaling.choose(id, 3, 'hand', never)
  await scaling.choose(id, 1, 'nobody', never)
  assert.deepEqual([(await deployment()).replicas, (await deployment()).isScaledByHand], [1, false])
  await look(0)
  await look(60_000)
  await has(0)
})

test('an alert goes by what somebody chose, and is one of the things that may change it when nobody did', async (t) => {
  const { id, scaling, deployment } = await createGround(t, {})
  await scaling.choose(id, 3, 'load', never)
  assert.deepEqual([(await deployment()).replicas, (await deployment()).isScaledByHand], [3, false])
  await scaling.choose(id, 2, 'hand', never)
  await assert.rejects(scaling.choose(id, 4, 'load', never), { code: 'conflict', message: /somebody chose/ })
  assert.equal((await deployment()).replicas, 2)
})

test('a function that does not say that it starts by calls is not started by them', async (t) => {
  const { id, scaling, scaler, look, deployment } = await createGround(t, {})
  await scaling.choose(id, 0, 'hand', never)
  scaler.wakeUp([id])
  await look(0)
  await look(600_000)
  assert.equal((await deployment()).replicas, 0)
})

test('load brings replicas, as many as the owner may have', async (t) => {
  const ground = await createGround(t, { 'com.openfaas.scale.type': 'capacity', 'com.openfaas.scale.target': '10' })
  const { store, look, has, setLoad, deployment } = ground
  await store.limits.set((await deployment()).ownerId, { replicas: 3 })
  setLoad({ inFlight: 100, calls: 0 })
  await look(0)
  await look(4000)
  await has(3)
  assert.equal((await deployment()).endpoints.length, 3)
})

test('while nobody knows what there is to do, or another one leads, nothing is done, and no time counts', async (t) => {
  const { look, has, setLoad, setLeader, deployment } = await createGround(t, sleeper)
  await look(0)
  setLoad(null)
  await look(600_000)
  setLoad({ inFlight: 0, calls: 0 })
  await look(59_000)
  assert.equal((await deployment()).replicas, 1)
  setLeader(false)
  await look(600_000)
  setLeader(true)
  await look(0)
  await look(59_000)
  assert.equal((await deployment()).replicas, 1)
  await look(1000)
  await has(0)
})

test('a new version of a sleeping function, its redeploy and its rollback start one, and it sleeps again by its rule', async (t) => {
  const { store, id, look, has, deploy, built, deployment } = await createGround(t, sleeper)
  await look(0)
  await look(60_000)
  await has(0)
  await deploy({ buildId: await built(commits.b, ['hello'], { labels: sleeper }) }, never)
  const [route] = await store.functions.routes()
  assert.notEqual(route?.deploymentId, id)
  assert.equal(route?.endpoints.length, 1)
  await store.deployments.end(id, 'ended', null, now())
  const rollback = await store.builds.queueRollback(id, 'alice', now())
  await deploy({ buildId: rollback.id }, never)
  const back = await deployment()
  assert.deepEqual([back.status, back.replicas, back.endpoints.length], ['live', 1, 1])
  await look(0)
  await look(60_000)
  await has(0)
  const { repositoryId } = back
  const about = { trigger: 'redeploy', by: 'alice', message: 'again' } as const
  const redeploy = await store.builds.queueRedeploy(
    { repositoryId: repositoryId ?? '', functions: ['hello'], ...about },
    now()
  )
  await deploy({ buildId: redeploy.id }, never)
  assert.equal((await store.functions.routes())[0]?.endpoints.length, 1)
})
