import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { commits, createDeployerForTest, never } from '../deployer.fixture.ts'

test('what a failing function printed last is told without the secrets of its owner', async (t) => {
  const { store, cluster, deploy, built } = await createDeployerForTest(t)
  cluster.failNext(
    'apply',
    new Failure('not-ready', 'it exited with code 1\nits last log lines:\npassword=hunter2hunter2')
  )
  const buildId = await built(commits.a, ['hello'])
  await deploy({ buildId }, never)
  const texts = [
    (await store.builds.get(buildId))?.reason,
    ...(await store.builds.functions(buildId)).map(({ reason }) => reason),
    await store.logs.tail(buildId, null, 10_000),
    ...(await store.deployments.list(null, {}, { before: null, limit: 10 })).map(({ reason }) => reason)
  ]
  assert.ok(
    texts.every((text) => text?.includes('password=[redacted]') || text === 'cancelled'),
    JSON.stringify(texts)
  )
  assert.ok(!JSON.stringify(texts).includes('hunter2'))
})
