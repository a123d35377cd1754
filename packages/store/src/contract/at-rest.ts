import assert from 'node:assert/strict'
import { test } from 'node:test'
import { a, b, c, hundredTicks, later, observed, ref } from './head-scene.ts'
import { claimed, delivery, live, push, queued, wanted } from './scene.ts'
import { firstPage, type Subject } from './subject.ts'

/** The reconciler asks for ever: what has been decided of a head is not decided again by its asking. */
export function atRestContract({ name, database }: Subject): void {
  for (const status of ['failed', 'skipped', 'live', 'superseded'] as const) {
    test(`${name}: a head whose build ended ${status} is not built again in a hundred ticks`, async (t) => {
      const store = await (await database(t)).open()
      const { repositoryId } = await observed(store, a, status)
      assert.deepEqual(await hundredTicks(store, repositoryId, a), [])
      assert.equal((await store.builds.list(null, {}, firstPage)).length, 1)
    })
  }

  test(`${name}: a push that says [skip ci] is not built in a hundred ticks, the revert after it is`, async (t) => {
    const store = await (await database(t)).open()
    const { repositoryId } = await observed(store, a, 'live')
    await store.deliveries.record([delivery('1', push(b, { before: a, message: '[skip ci]' }))], null, 1)
    assert.deepEqual(await hundredTicks(store, repositoryId, b), [])
    assert.equal((await store.heads.settle(repositoryId, ref, a, 2 * later))?.commit, a)
  })

  test(`${name}: a build that ended before it looked at the head is not tried again in a hundred ticks`, async (t) => {
    const store = await (await database(t)).open()
    const { repositoryId, id } = await queued(store, '', { commit: a })
    await store.builds.finish(id, null, { status: 'failed', reason: 'the name is taken' }, 1)
    assert.deepEqual(await hundredTicks(store, repositoryId, a), [])
    const second = await queued(store, '', { commit: b })
    await store.builds.requestCancel(second.id, 'alice', 2)
    assert.deepEqual(await hundredTicks(store, repositoryId, b), [], 'a person cancelled it')
  })

  test(`${name}: a push of which no function had changed is not built in a hundred ticks, the revert of it is looked at once`, async (t) => {
    const store = await (await database(t)).open()
    const { claim, deployments } = await live(store, 'a', ['hello', 'other'])
    const { repositoryId } = claim.build
    const filtered = await queued(store, '', { commit: b, before: a }, 1)
    await claimed(store, filtered.id, 'w', 1)
    await store.builds.observe(filtered.id, 'w', 1)
    const reason = 'no function has changed since 6100000, which is live'
    await store.builds.finish(filtered.id, 'w', { status: 'skipped', reason }, 1)
    assert.deepEqual(await hundredTicks(store, repositoryId, b), [])
    const routes = await store.functions.routes()
    assert.deepEqual(
      routes.map(({ deploymentId }) => deploymentId).toSorted(),
      deployments.map(({ id }) => id)
    )
    assert.deepEqual(await hundredTicks(store, repositoryId, a, 2 * later), [a], 'its delivery was lost, too')
  })

  for (const [what, functions] of [
    ['repository', ['hello']],
    ['function beside another', ['hello', 'other']]
  ] as const) {
    test(`${name}: a rolled-back ${what} is not deployed again in a hundred ticks`, async (t) => {
      const store = await (await database(t)).open()
      const { deployments } = await live(store, 'a', [...functions])
      const { claim } = await live(store, 'b', [...functions])
      const id = deployments[0]?.id ?? ''
      await store.deployments.end(id, 'ended', null, 2)
      const back = await store.builds.queueRollback(id, 'alice', 3)
      const rollout = await store.builds.claimDeploy(back.id, 'd', 1000, 4)
      assert.ok(rollout)
      await store.deployments.prepare(back.id, 'd', [wanted(rollout, 'hello', { existingDeploymentId: id })], 4)
      const change = { deploymentIds: [id], keep: null, finish: true, pause: true }
      assert.equal((await store.deployments.switchLive(back.id, 'd', change, 5)).isSwitched, true)
      const before = (await store.builds.list(null, {}, firstPage)).length
      assert.deepEqual(await hundredTicks(store, claim.build.repositoryId, b), [])
      assert.equal((await store.builds.list(null, {}, firstPage)).length, before)
      assert.equal((await store.functions.get(claim.build.ownerId, 'hello'))?.liveDeploymentId, id)
    })
  }

  test(`${name}: what is paused is not deployed in a hundred ticks, until it is resumed`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello'])
    const { repositoryId, ownerId } = claim.build
    await store.functions.pause(ownerId, 'hello', 1)
    assert.deepEqual(await hundredTicks(store, repositoryId, c), [])
    await store.functions.resume(ownerId, 'hello', 'alice', 2)
    assert.equal((await store.heads.settle(repositoryId, ref, c, 2 * later))?.commit, c)
  })
}
