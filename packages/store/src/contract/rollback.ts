import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageOf, specOf } from '@slipway/testing'
import { admitted, claimed, deploying, live, queued, shop, wanted } from './scene.ts'
import { ample, commitOf, failure, type Subject } from './subject.ts'

export function rollbackContract({ name, database }: Subject): void {
  test(`${name}: a rollback is a roll-out at once, of the earlier image and configuration`, async (t) => {
    const store = await (await database(t)).open()
    const first = await live(store, '1', ['hello'])
    await live(store, '2', ['hello'])
    const [earlier] = first.deployments
    const id = earlier?.id ?? ''
    await store.deployments.end(id, 'ended', null, 5)
    const build = await store.builds.queueRollback(id, 'alice', 6)
    assert.deepEqual(
      [build.trigger, build.status, build.generation, build.commit, build.sender, build.ref],
      ['rollback', 'deploying', 3, commitOf('1'), 'alice', 'refs/heads/main']
    )
    const [part] = await store.builds.functions(build.id)
    assert.deepEqual([part?.name, part?.deploymentId, part?.status], ['hello', id, 'built'])
    assert.deepEqual([part?.image, part?.spec], [imageOf('hello'), specOf('hello')])
    assert.deepEqual(await store.builds.admit(ample, 7), [{ buildId: build.id, stage: 'deploy', dispatch: 1 }])

    const claim = await store.builds.claimDeploy(build.id, 'd', 1000, 8)
    assert.ok(claim)
    const asked = [wanted(claim, 'hello', { existingDeploymentId: id })]
    const [again] = await store.deployments.prepare(build.id, 'd', asked, 8)
    assert.deepEqual(
      [again?.id, again?.status, again?.generation, again?.endpoints, again?.endedAt, again?.buildId],
      [id, 'starting', 3, [], null, build.id]
    )
    assert.deepEqual(await store.deployments.prepare(build.id, 'd', asked, 9), [again])
    const change = { deploymentIds: [id], keep: null, finish: true, pause: true }
    const result = await store.deployments.switchLive(build.id, 'd', change, 10)
    assert.equal(result.drained.length, 1)
    const fn = await store.functions.get(claim.build.ownerId, 'hello')
    assert.deepEqual([fn?.liveDeploymentId, fn?.isPaused, fn?.generation], [id, true, 3])
    assert.equal((await store.functions.resume(claim.build.ownerId, 'hello', 'alice', 11)).record.isPaused, false)
  })

  test(`${name}: a rollback overtakes the build that is running`, async (t) => {
    const store = await (await database(t)).open()
    const first = await live(store, '1', ['hello'])
    await live(store, '2', ['hello'])
    const running = await deploying(store, '3', ['hello'])
    const [late] = await store.deployments.prepare(running.build.id, 'd', [wanted(running, 'hello')], 3)
    const id = first.deployments[0]?.id ?? ''
    await store.deployments.end(id, 'ended', null, 4)
    const build = await store.builds.queueRollback(id, 'alice', 5)
    const claim = await store.builds.claimDeploy(build.id, 'd2', 1000, 6)
    assert.ok(claim)
    await store.deployments.prepare(build.id, 'd2', [wanted(claim, 'hello', { existingDeploymentId: id })], 6)
    const change = { deploymentIds: [id], keep: null, finish: true, pause: true }
    assert.equal((await store.deployments.switchLive(build.id, 'd2', change, 7)).isSwitched, true)
    const lost = { deploymentIds: [late?.id ?? ''], keep: ['hello'], finish: true, pause: false }
    assert.equal((await store.deployments.switchLive(running.build.id, 'd', lost, 8)).isSwitched, false)
  })

  test(`${name}: what still drains is not called back: a copy of it starts`, async (t) => {
    const store = await (await database(t)).open()
    const first = await live(store, '1', ['hello'])
    await live(store, '2', ['hello'])
    const id = first.deployments[0]?.id ?? ''
    const build = await store.builds.queueRollback(id, 'alice', 5)
    const claim = await store.builds.claimDeploy(build.id, 'd', 1000, 6)
    assert.ok(claim)
    const asked = [wanted(claim, 'hello', { existingDeploymentId: id })]
    const [copy] = await store.deployments.prepare(build.id, 'd', asked, 7)
    assert.notEqual(copy?.id, id)
    assert.deepEqual([copy?.status, copy?.image, copy?.commit], ['starting', imageOf('hello'), commitOf('1')])
    assert.equal((await store.builds.functions(build.id))[0]?.deploymentId, copy?.id)
    await store.deployments.end(id, 'ended', null, 8)
    assert.deepEqual(
      await store.deployments.prepare(
        build.id,
        'd',
        [wanted(claim, 'hello', { existingDeploymentId: copy?.id ?? '' })],
        9
      ),
      [copy],
      'the next try goes on with the copy'
    )
    const change = { deploymentIds: [copy?.id ?? ''], keep: null, finish: true, pause: true }
    assert.equal((await store.deployments.switchLive(build.id, 'd', change, 10)).isSwitched, true)
  })

  test(`${name}: a rollback to what is live, failed, unknown or stopped is refused`, async (t) => {
    const store = await (await database(t)).open()
    const { deployments, claim } = await live(store, '1', ['hello'])
    const liveId = deployments[0]?.id ?? ''
    await assert.rejects(store.builds.queueRollback('nothing', 'alice', 1), failure('not-found'))
    await assert.rejects(store.builds.queueRollback(liveId, 'alice', 1), failure('conflict', /is live/))
    const next = await deploying(store, '2', ['hello'])
    const [failed] = await store.deployments.prepare(next.build.id, 'd', [wanted(next, 'hello')], 2)
    await store.deployments.end(failed?.id ?? '', 'failed', 'no', 3)
    await assert.rejects(store.builds.queueRollback(failed?.id ?? '', 'alice', 4), failure('conflict', /never became/))
    await store.builds.finish(next.build.id, 'd', { status: 'failed', reason: null }, 5)
    await live(store, '3', ['hello'])
    await store.repositories.disconnect(claim.repository.id, 6)
    await assert.rejects(store.builds.queueRollback(liveId, 'alice', 7), failure('conflict', /disconnected/))
  })

  test(`${name}: an earlier deployment of another repository is not restarted`, async (t) => {
    const store = await (await database(t)).open()
    const first = await live(store, '1', ['hello'])
    await live(store, '2', ['hello'])
    const theirs = await deploying(store, '9', ['blog'], { ...shop, forgeRepositoryId: '8', fullName: 'alice/blog' })
    const asked = [wanted(theirs, 'blog', { existingDeploymentId: first.deployments[0]?.id ?? '' })]
    await assert.rejects(store.deployments.prepare(theirs.build.id, 'd', asked, 5), failure('not-found'))
  })

  test(`${name}: a rollback does not hold back the ref's next push, nor wait for one`, async (t) => {
    const store = await (await database(t)).open()
    const first = await live(store, '1', ['hello'])
    await live(store, '2', ['hello'])
    const next = await queued(store, '3')
    await admitted(store)
    await claimed(store, next.id)
    const build = await store.builds.queueRollback(first.deployments[0]?.id ?? '', 'alice', 5)
    assert.deepEqual(await admitted(store), [build.id])
    await store.builds.finish(next.id, 'w', { status: 'failed', reason: null }, 6)
    const later = await queued(store, '4')
    assert.deepEqual(await admitted(store), [later.id])
    await claimed(store, later.id)
  })
}
