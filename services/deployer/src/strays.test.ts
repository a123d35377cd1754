import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { createFakeCluster, deploymentOf } from '@slipway/testing'
import { commits, createDeployerForTest, logger, never, now } from './deployer.fixture.ts'
import { createStrays, type StraysDeps } from './strays.ts'

async function createForTest(t: Parameters<typeof createDeployerForTest>[0]) {
  const scene = await createDeployerForTest(t)
  const { store, cluster, deploy, built, running } = scene
  await deploy({ buildId: await built(commits.a, ['hello']) }, never)
  const [first = ''] = await running()
  await deploy({ buildId: await built(commits.b, ['hello']) }, never)
  const [second = ''] = (await running()).filter((id) => id !== first)
  const begin = (on: StraysDeps['cluster'] = cluster) => {
    const strays = createStrays({ store, cluster: on, isLeader: () => true, periodMs: 10, logger })
    t.after(() => strays.close())
  }
  return { ...scene, first, second, begin }
}

test('what the store has as ended but still runs is removed, what is live, starting or draining stays', async (t) => {
  const { store, begin, first, second, running } = await createForTest(t)
  begin()
  await sleep(50)
  assert.deepEqual(await running(), [first, second], 'the first drains')
  await store.deployments.end(first, 'ended', null, now() + 10)
  await waitFor(async () => (await running()).length === 1, { timeoutMs: 20_000, what: 'the removal' })
  assert.deepEqual(await running(), [second])
})

test('one that cannot be removed keeps no other from being removed', async (t) => {
  const { store, cluster, deploy, built, begin, first, second, running } = await createForTest(t)
  await deploy({ buildId: await built(commits.c, ['hello']) }, never)
  for (const id of [first, second]) await store.deployments.end(id, 'ended', null, now() + 10)
  begin({
    // What cannot be removed comes first.
    list: async (signal) => (await cluster.list(signal)).toSorted((a) => (a.deploymentId === first ? -1 : 1)),
    remove: async (id, graceMs, signal) => {
      if (id === first) throw new Failure('unavailable', 'the engine does not remove it')
      await cluster.remove(id, graceMs, signal)
    }
  })
  await waitFor(async () => !(await running()).includes(second), { timeoutMs: 20_000, what: 'the removal' })
  assert.equal((await running()).length, 2)
})

test('a deployment that the store does not know is left alone', async (t) => {
  const { cluster, begin, first, second, running } = await createForTest(t)
  const stranger = deploymentOf({ clusterName: 'alice-lost' })
  await cluster.apply(stranger, never)
  begin()
  await sleep(60)
  assert.deepEqual(await running(), [first, second, stranger.id])
})

test('after an older backup was restored nothing that runs is lost, what runs again since then included', async (t) => {
  const { store, cluster, begin, first, second, running } = await createForTest(t)
  const deployment = await store.deployments.get(first)
  assert.ok(deployment)
  // The backup has it as ended; after the backup it was rolled back to, so that its replicas are younger than its end.
  await store.deployments.end(first, 'ended', null, now() - 60_000)
  begin()
  await sleep(60)
  assert.deepEqual(await running(), [first, second])
  await cluster.remove(first, 0, never)
})

test("another installation's objects are neither seen nor touched", async (t) => {
  const { begin, store, cluster } = await createForTest(t)
  const other = createFakeCluster({ now })
  t.after(() => other.close())
  await other.apply(deploymentOf(), never)
  begin()
  await sleep(40)
  assert.equal((await other.list(never)).length, 1)
  assert.equal((await cluster.list(never)).length, (await store.deployments.running()).length)
})
