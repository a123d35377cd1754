import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitFor } from '@slipway/machine'
import { commits, createDeployerForTest, logger, never, now } from './deployer.fixture.ts'
import { createDrain } from './drain.ts'
import type { Gateways } from './gateways.ts'

test('a former version is removed once the gateways have left it, or its write time-out is over', async (t) => {
  const { store, cluster, deploy, built, running } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello'], { writeTimeoutMs: 60_000 }) }, never)
  await deploy({ buildId: await built(commits.b, ['hello'], { writeTimeoutMs: 60_000 }) }, never)
  assert.equal((await running()).length, 2)
  let hasLeft = false
  let asked = 0
  const haveLeft = () => {
    asked += 1
    return hasLeft
  }
  const gateways: Gateways = { haveLeft, haveRoutes: () => true, close: () => {} }
  let time = now()
  const drain = createDrain({
    store,
    cluster,
    gateways,
    isLeader: () => true,
    now: () => time,
    monotonicNow: () => time,
    logger
  })
  t.after(() => drain.close())
  drain.wake()
  await new Promise((done) => setTimeout(done, 300))
  assert.equal((await running()).length, 2, 'a request may be in flight')
  hasLeft = true
  drain.wake()
  await waitFor(async () => (await running()).length === 1, { timeoutMs: 20_000 })

  hasLeft = false
  await deploy({ buildId: await built(commits.c, ['hello'], { writeTimeoutMs: 60_000 }) }, never)
  const before = asked
  drain.wake()
  await waitFor(() => asked > before, { timeoutMs: 20_000, what: 'a round that sees it draining' })
  time += 61_000
  drain.wake()
  await waitFor(async () => (await running()).length === 1, { timeoutMs: 20_000, what: 'the write time-out' })
})

test('what another leader drained, and a rollback brought back, has its time when it drains anew', async (t) => {
  const { store, cluster, deploy, built, running, routes } = await createDeployerForTest(t)
  await deploy({ buildId: await built(commits.a, ['hello'], { writeTimeoutMs: 60_000 }) }, never)
  const first = (await routes())[0]?.[1] ?? ''
  await deploy({ buildId: await built(commits.b, ['hello'], { writeTimeoutMs: 60_000 }) }, never)
  let time = now()
  let isLeader = true
  let rounds = 0
  const drain = createDrain({
    store,
    cluster,
    gateways: { haveLeft: () => false, haveRoutes: () => true, close: () => {} },
    isLeader: () => {
      rounds += 1
      return isLeader
    },
    now,
    monotonicNow: () => time,
    logger
  })
  t.after(() => drain.close())
  const nextRound = async () => {
    const before = rounds
    drain.wake()
    await waitFor(() => rounds > before + 1, { timeoutMs: 20_000, what: 'a whole round' })
  }
  await nextRound()
  isLeader = false
  await cluster.remove(first, 0, never)
  await store.deployments.end(first, 'ended', null, now())
  await nextRound()
  time += 120_000
  const rollback = await store.builds.queueRollback(first, 'test', now())
  await deploy({ buildId: rollback.id }, never)
  assert.deepEqual(await routes(), [['hello', first]])
  const owner = await store.owners.findBySlug('alice')
  await store.functions.remove(owner?.id ?? '', 'hello', now())
  isLeader = true
  await nextRound()
  await nextRound()
  assert.ok((await running()).includes(first), 'a request may be in flight')
})
