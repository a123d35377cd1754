import assert from 'node:assert/strict'
import { test } from 'node:test'
import { specOf } from '@slipway/testing'
import { admitted, deploying, wanted } from './scene.ts'
import { aliceOf, liveWith, put } from './secret-scene.ts'
import { commitOf, firstPage, type Subject } from './subject.ts'

const withSecret = { spec: specOf('hello', { secrets: ['db'] }) }

export function secretRedeploysContract({ name, database }: Subject): void {
  test(`${name}: a changed secret deploys its users again at once, without a build`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    await put(store, ownerId, 'db', 'one')
    const { deployments: former } = await liveWith(store, '1', ['db'], ['hello', 'other'])
    const { set, redeploys } = await put(store, ownerId, 'db', 'two', 5)
    const [build] = redeploys
    assert.deepEqual(
      [redeploys.length, build?.trigger, build?.status, build?.commit, build?.message],
      [1, 'configuration', 'deploying', commitOf('1'), 'secret db changed']
    )
    const id = build?.id ?? ''
    assert.deepEqual(await admitted(store), [id])
    const claim = await store.builds.claimDeploy(id, 'd', 1000, 6)
    assert.ok(claim)
    const asked = (await store.builds.functions(id)).map((part) => wanted(claim, part.name))
    assert.deepEqual(asked.map(({ functionName }) => functionName).toSorted(), ['hello', 'other'])
    const made = await store.deployments.prepare(id, 'd', asked, 7)
    assert.deepEqual(made[0]?.secrets, [{ name: 'db', versionId: set.versionId }])
    assert.notEqual(made[0]?.id, former[0]?.id)
    const change = { deploymentIds: made.map((one) => one.id), keep: null, finish: true, pause: false }
    assert.equal((await store.deployments.switchLive(id, 'd', change, 8)).isSwitched, true)
    assert.deepEqual(await admitted(store), [], 'it has what holds now')
    assert.deepEqual((await put(store, ownerId, 'other', 'x', 9)).redeploys, [], 'nobody uses that one')
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
    await store.functions.pause(ownerId, 'hello', 7)
    assert.deepEqual((await put(store, ownerId, 'db', 'three', 9)).redeploys, [])
  })

  test(`${name}: what a roll-out brings live with the former version of a secret is deployed again`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    await put(store, ownerId, 'db', 'one')
    const claim = await deploying(store, '1', ['hello'])
    const [made] = await store.deployments.prepare(claim.build.id, 'd', [wanted(claim, 'hello', withSecret)], 1)
    assert.deepEqual((await put(store, ownerId, 'db', 'two', 2)).redeploys, [], 'nothing is live yet')
    const change = { deploymentIds: [made?.id ?? ''], keep: ['hello'], finish: true, pause: false }
    await store.deployments.switchLive(claim.build.id, 'd', change, 3)
    const [again] = await store.builds.list(ownerId, { status: 'deploying' }, firstPage)
    assert.equal(again?.trigger, 'configuration')
    assert.deepEqual(
      (await store.builds.functions(again?.id ?? '')).map((part) => part.name),
      ['hello']
    )
  })

  test(`${name}: a rollback brings the secrets of then, and nothing deploys over them`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    const { set: first } = await put(store, ownerId, 'db', 'one')
    const { deployments } = await liveWith(store, '1', ['db'])
    await put(store, ownerId, 'db', 'two', 2)
    await liveWith(store, '2', ['db'])
    const id = deployments[0]?.id ?? ''
    await store.deployments.end(id, 'ended', null, 3)
    for (const { id: waiting } of await store.builds.list(ownerId, { status: 'deploying' }, firstPage)) {
      await store.builds.finish(waiting, null, { status: 'superseded', reason: null }, 3)
    }
    const build = await store.builds.queueRollback(id, 'alice', 4)
    const claim = await store.builds.claimDeploy(build.id, 'd', 1000, 5)
    assert.ok(claim)
    const asked = [wanted(claim, 'hello', { existingDeploymentId: id })]
    const [again] = await store.deployments.prepare(build.id, 'd', asked, 6)
    assert.deepEqual(again?.secrets, [{ name: 'db', versionId: first.versionId }])
    const change = { deploymentIds: [id], keep: null, finish: true, pause: true }
    assert.equal((await store.deployments.switchLive(build.id, 'd', change, 7)).isSwitched, true)
    assert.deepEqual(await store.builds.list(ownerId, { status: 'deploying' }, firstPage), [])
  })
}
