import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Deployment } from '@slipway/domain'
import { deploymentOf } from '@slipway/testing'
import { openGround, type TestGround } from './ground.fixture.ts'

const owners = 20
const functionsOfOne = 10
/** As many as a deployer rolls out by default. */
const atOnce = 4
/** For one that hangs. */
const timeoutMs = 660_000

let ground: TestGround

before(async () => {
  ground = await openGround()
})
after(() => ground?.close())

test('two hundred functions of twenty owners are applied, listed and removed', { timeout: timeoutMs }, async (t) => {
  const cluster = ground.cluster({ readyTimeoutMs: 240_000 })
  const { signal } = t
  const wanted = Array.from({ length: owners * functionsOfOne }, (_, index) => {
    const ownerSlug = `owner-${index % owners}`
    const functionName = `f${Math.floor(index / owners)}`
    return deploymentOf({
      image: ground.image,
      ownerSlug,
      functionName,
      clusterName: `${ownerSlug}-${functionName}`,
      spec: { requests: { cpuMillis: 1, memoryBytes: 16 * 1024 ** 2 } }
    })
  })
  const inTurn = async (work: (deployment: Deployment) => Promise<unknown>) => {
    const waiting = wanted.values()
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (const deployment of waiting) await work(deployment)
      })
    )
  }
  const startedAt = performance.now()
  const since = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`
  await inTurn((deployment) => cluster.apply(deployment, signal))
  t.diagnostic(`${wanted.length} functions of ${owners} owners are ready after ${since()}, ${atOnce} at a time`)

  const listedAt = performance.now()
  const listed = await cluster.list(signal)
  t.diagnostic(`they are listed in ${(performance.now() - listedAt).toFixed(0)} ms`)
  assert.deepEqual(
    new Set(listed.map(({ deploymentId, availableReplicas }) => `${deploymentId} ${availableReplicas}`)),
    new Set(wanted.map(({ id }) => `${id} 1`))
  )
  await inTurn((deployment) => cluster.remove(deployment.id, 0, signal))
  assert.deepEqual(await cluster.list(signal), [])
  t.diagnostic(`all of it took ${since()}`)
})
