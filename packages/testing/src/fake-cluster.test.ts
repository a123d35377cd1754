import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { testCluster } from './cluster-suite.ts'
import { deploymentOf } from './deployment.ts'
import { createFakeCluster } from './fake-cluster.ts'
import { imageOf } from './seed.ts'

testCluster('the fake', async () => {
  await Promise.resolve()
  const machine = { addresses: 0 }
  const cluster = createFakeCluster({ now: Date.now, machine })
  const away = createFakeCluster({ now: Date.now, machine })
  away.setAway(true)
  const missingImage = imageOf('gone', 'f')
  cluster.forgetImage(missingImage)
  return {
    cluster,
    impatient: cluster,
    other: createFakeCluster({ now: Date.now, machine }),
    away,
    image: imageOf('hello'),
    missingImage,
    stopReplicas: (deploymentId) => Promise.resolve(cluster.stopReplicas(deploymentId)),
    tellsStreams: true,
    tellsExits: true,
    hasOwnEndpoints: true,
    print: (deployment, text) => Promise.resolve(cluster.print(deployment.id, text)),
    fetch: null,
    close: () => cluster.close()
  }
})

test('the fake fails once when it is told to', async () => {
  const cluster = createFakeCluster({ now: Date.now })
  const signal = AbortSignal.timeout(1000)
  const deployment = deploymentOf()
  cluster.failNext('apply', new Failure('unavailable', 'told to'))
  await assert.rejects(cluster.apply(deployment, signal), { code: 'unavailable', message: 'told to' })
  assert.equal((await cluster.apply(deployment, signal)).length, 1)
})
