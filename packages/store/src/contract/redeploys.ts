import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageOf, specOf } from '@slipway/testing'
import { admitted, claimed, deploying, queued, wanted } from './scene.ts'
import { aliceOf, liveWith, put } from './secret-scene.ts'
import { commitOf, firstPage, type Subject } from './subject.ts'

export function redeploysContract({ name, database }: Subject): void {
  test(`${name}: a changed secret deploys its users again, without a build and after what is being built`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    await put(store, ownerId, 'db', 'one')
    const { deployments } = await liveWith(store, '1', ['db'], ['hello', 'other'])
    const push = await queued(store, '2')
    assert.deepEqual(await admitted(store), [push.id])
    const pushed = await claimed(store, push.id)
    const { set, redeploys } = await put(store, ownerId, 'db', 'two', 5)
    const [build] = redeploys
    assert.deepEqual(
      [redeploys.length, build?.trigger, build?.status, build?.commit, build?.generation],
      [1, 'redeploy', 'queued', commitOf('1'), null]
    )
    const id = build?.id ?? ''
    assert.deepEqual(
      (await store.builds.functions(id)).map((part) => part.name),
      ['hello', 'other']
    )
    assert.deepEqual(await admitted(store), [], 'the push has its turn')
    await store.builds.observe(push.id, 'w', 6)
    assert.equal((await store.builds.get(id))?.status, 'queued', 'a newer push does not take its place')
    await store.builds.finish(push.id, 'w', { status: 'failed', reason: 'no' }, 7)
    assert.deepEqual(await admitted(store), [id])
    const claim = await claimed(store, id)
    assert.ok(claim.build.generation > pushed.build.generation)
    assert.deepEqual(await store.builds.planRedeploy(id, 'w', 8), ['hello', 'other'])
    const [part] = await store.builds.functions(id)
    assert.deepEqual(
      [part?.status, part?.image, part?.spec?.secrets, part?.isReused],
      ['built', imageOf('hello'), ['db'], true]
    )
    await store.builds.handOver(id, 'w', 9)
    const roll = await store.builds.claimDeploy(id, 'd', 1000, 10)
    assert.ok(roll)
    const asked = ['hello', 'other'].map((each) => wanted(roll, each, { spec: specOf(each, { secrets: ['db'] }) }))
    const made = await store.deployments.prepare(id, 'd', asked, 11)
    assert.deepEqual(made[0]?.secrets, [{ name: 'db', versionId: set.versionId }])
    assert.notEqual(made[0]?.id, deployments[0]?.id)
    const change = { deploymentIds: made.map((one) => one.id), keep: null, finish: true, pause: false }
    assert.equal((await store.deployments.switchLive(id, 'd', change, 12)).isSwitched, true)
    assert.deepEqual((await put(store, ownerId, 'other', 'x', 13)).redeploys, [], 'nobody uses that one')
  })

  test(`${name}: two changes in a row are one redeploy, and a paused function is none`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    await put(store, ownerId, 'db', 'one')
    await put(store, ownerId, 'mail', 'one')
    await liveWith(store, '1', ['db', 'mail'], ['hello'])
    const first = await put(store, ownerId, 'db', 'two', 5)
    const second = await put(store, ownerId, 'mail', 'two', 6)
    assert.deepEqual(
      second.redeploys.map(({ id }) => id),
      first.redeploys.map(({ id }) => id)
    )
    const id = first.redeploys[0]?.id ?? ''
    await claimed(store, id)
    await store.functions.setPaused(ownerId, 'hello', true, 7)
    assert.deepEqual(await store.builds.planRedeploy(id, 'w', 8), [])
    assert.match((await store.builds.functions(id))[0]?.reason ?? '', /paused/)
    assert.deepEqual((await put(store, ownerId, 'db', 'three', 9)).redeploys, [])
  })

  test(`${name}: a function that a roll-out is about to bring with the former version is deployed again too`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    await put(store, ownerId, 'db', 'one')
    const claim = await deploying(store, '1', ['hello'])
    const asked = [wanted(claim, 'hello', { spec: specOf('hello', { secrets: ['db'] }) })]
    const [made] = await store.deployments.prepare(claim.build.id, 'd', asked, 1)
    const { redeploys } = await put(store, ownerId, 'db', 'two', 2)
    assert.equal(redeploys.length, 1)
    const change = { deploymentIds: [made?.id ?? ''], keep: ['hello'], finish: true, pause: false }
    await store.deployments.switchLive(claim.build.id, 'd', change, 3)
    const id = redeploys[0]?.id ?? ''
    await claimed(store, id)
    assert.deepEqual(await store.builds.planRedeploy(id, 'w', 4), ['hello'])
  })

  test(`${name}: a redeploy whose function went live with another commit moves on to that one`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    await put(store, ownerId, 'db', 'one')
    await liveWith(store, '1', ['db'])
    const { redeploys } = await put(store, ownerId, 'db', 'two', 2)
    await liveWith(store, '2', ['db'])
    const id = redeploys[0]?.id ?? ''
    await claimed(store, id)
    assert.deepEqual(await store.builds.planRedeploy(id, 'w', 3), [])
    const builds = await store.builds.list(ownerId, { status: 'queued' }, firstPage)
    assert.deepEqual(
      builds.map((build) => [build.trigger, build.commit]),
      [['redeploy', commitOf('2')]]
    )
  })

  test(`${name}: a function that was taken out of service is not brought back by its configuration`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    await put(store, ownerId, 'db', 'one')
    await liveWith(store, '1', ['db'])
    const { redeploys } = await put(store, ownerId, 'db', 'two', 2)
    const id = redeploys[0]?.id ?? ''
    await claimed(store, id)
    await store.builds.planRedeploy(id, 'w', 3)
    await store.builds.handOver(id, 'w', 3)
    const roll = await store.builds.claimDeploy(id, 'd', 1000, 4)
    assert.ok(roll)
    const asked = [wanted(roll, 'hello', { spec: specOf('hello', { secrets: ['db'] }) })]
    const [made] = await store.deployments.prepare(id, 'd', asked, 4)
    await store.functions.remove(ownerId, 'hello', 5)
    const change = { deploymentIds: [made?.id ?? ''], keep: null, finish: true, pause: false }
    assert.equal((await store.deployments.switchLive(id, 'd', change, 6)).isSwitched, false)
  })

  test(`${name}: a push of the commit that waits to be deployed again is a build of its own`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    await put(store, ownerId, 'db', 'one')
    await liveWith(store, '1', ['db'])
    const { redeploys } = await put(store, ownerId, 'db', 'two', 2)
    const again = await queued(store, '1', {}, 3)
    assert.notEqual(again.id, redeploys[0]?.id)
    assert.equal(again.trigger, 'push')
  })
}
