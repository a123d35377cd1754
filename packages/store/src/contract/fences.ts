import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Claim, Store } from '@slipway/domain'
import { deploying, live, queued, wanted } from './scene.ts'
import { type Subject } from './subject.ts'

/** Starts the functions of a roll-out, without switching to them. */
async function started(store: Store, claim: Claim, names: string[]): Promise<string[]> {
  const asked = names.map((one) => wanted(claim, one))
  return (await store.deployments.prepare(claim.build.id, 'd', asked, 5)).map(({ id }) => id)
}

const switchTo = (store: Store, claim: Claim, deploymentIds: string[], keep: string[] | null) =>
  store.deployments.switchLive(claim.build.id, 'd', { deploymentIds, keep, finish: true, pause: false }, 9)

const liveOf = async (store: Store) =>
  Object.fromEntries(
    (await store.functions.routes()).map(({ functionName, generation }) => [functionName, generation] as const)
  )

/** Whatever comes between the start of a roll-out and its switch, what somebody decided later stands. */
export function fencesContract({ name, database }: Subject): void {
  test(`${name}: a function that is paused while it is rolled out is passed over, the others go on`, async (t) => {
    const store = await (await database(t)).open()
    await live(store, '1', ['hello', 'other'])
    const claim = await deploying(store, '2', ['hello', 'other'])
    const [hello = '', other = ''] = await started(store, claim, ['hello', 'other'])
    await store.functions.pause(claim.build.ownerId, 'hello', 6)
    const refused = await switchTo(store, claim, [hello, other], ['hello', 'other'])
    assert.deepEqual([refused.isSwitched, refused.passedOver], [false, ['hello']])
    assert.deepEqual(await liveOf(store), { hello: 1, other: 1 })
    assert.equal((await switchTo(store, claim, [other], ['hello', 'other'])).isSwitched, true)
    assert.deepEqual(await liveOf(store), { hello: 1, other: 2 })
  })

  test(`${name}: a function that is rolled back while it is rolled out stays rolled back, the others go on`, async (t) => {
    const store = await (await database(t)).open()
    const { deployments } = await live(store, '1', ['hello', 'other'])
    await live(store, '2', ['hello', 'other'])
    const claim = await deploying(store, '3', ['hello', 'other'])
    const ids = await started(store, claim, ['hello', 'other'])
    const earlier = deployments.find(({ functionName }) => functionName === 'hello')?.id ?? ''
    await store.deployments.end(earlier, 'ended', null, 6)
    const { id } = await store.builds.queueRollback(earlier, 'alice', 6)
    const rollback = await store.builds.claimDeploy(id, 'd', 1000, 6)
    assert.ok(rollback)
    await store.deployments.prepare(id, 'd', [wanted(rollback, 'hello', { existingDeploymentId: earlier })], 6)
    const change = { deploymentIds: [earlier], keep: null, finish: true, pause: true }
    assert.equal((await store.deployments.switchLive(id, 'd', change, 7)).isSwitched, true)
    const refused = await switchTo(store, claim, ids, ['hello', 'other'])
    assert.deepEqual([refused.isSwitched, refused.passedOver], [false, ['hello']])
    assert.equal((await switchTo(store, claim, ids.slice(1), ['hello', 'other'])).isSwitched, true)
    assert.deepEqual(await liveOf(store), { hello: 4, other: 3 })
  })

  test(`${name}: a function that is removed while it is rolled out stays removed, and the next push brings it back`, async (t) => {
    const store = await (await database(t)).open()
    await live(store, '1', ['hello', 'other'])
    const claim = await deploying(store, '2', ['hello', 'other'])
    const ids = await started(store, claim, ['hello', 'other'])
    await store.functions.remove(claim.build.ownerId, 'hello', 6)
    assert.deepEqual((await switchTo(store, claim, ids, ['hello', 'other'])).passedOver, ['hello'])
    assert.equal((await switchTo(store, claim, ids.slice(1), ['hello', 'other'])).isSwitched, true)
    assert.deepEqual(Object.keys(await liveOf(store)), ['other'])
    await live(store, '3', ['hello', 'other'])
    assert.deepEqual(Object.keys(await liveOf(store)).sort(), ['hello', 'other'])
  })

  test(`${name}: a rollback that is asked for before a removal does not bring the function back after it`, async (t) => {
    const store = await (await database(t)).open()
    const { deployments, claim } = await live(store, '1', ['hello'])
    await live(store, '2', ['hello'])
    const earlier = deployments[0]?.id ?? ''
    await store.deployments.end(earlier, 'ended', null, 3)
    const { id } = await store.builds.queueRollback(earlier, 'alice', 4)
    const rollback = await store.builds.claimDeploy(id, 'd', 1000, 5)
    assert.ok(rollback)
    await store.deployments.prepare(id, 'd', [wanted(rollback, 'hello', { existingDeploymentId: earlier })], 5)
    await store.functions.remove(claim.build.ownerId, 'hello', 6)
    const change = { deploymentIds: [earlier], keep: null, finish: true, pause: true }
    const result = await store.deployments.switchLive(id, 'd', change, 7)
    assert.deepEqual([result.isSwitched, result.passedOver], [false, ['hello']])
    assert.deepEqual(await liveOf(store), {})
  })

  test(`${name}: an older build prunes nothing that a newer one brought, and replaces nothing of it`, async (t) => {
    const store = await (await database(t)).open()
    const old = await deploying(store, '1', ['hello'])
    const [late = ''] = await started(store, old, ['hello'])
    const newer = await queued(store, '2', { ref: 'refs/heads/next' })
    await store.builds.claim(newer.id, 'w', 1000, 2)
    await store.builds.handOver(newer.id, 'w', 2)
    const claim = await store.builds.claimDeploy(newer.id, 'd2', 1000, 2)
    assert.ok(claim)
    const fresh = await store.deployments.prepare(newer.id, 'd2', [wanted(claim, 'fresh')], 3)
    const change = { deploymentIds: fresh.map(({ id }) => id), keep: ['fresh'], finish: true, pause: false }
    assert.equal((await store.deployments.switchLive(newer.id, 'd2', change, 4)).isSwitched, true)
    const result = await switchTo(store, old, [late], ['hello'])
    assert.deepEqual([result.isSwitched, result.pruned], [true, []])
    assert.deepEqual(await liveOf(store), { fresh: 2, hello: 1 })
  })
}
