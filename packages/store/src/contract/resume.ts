import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claimed, deploying, live, queued, wanted } from './scene.ts'
import { commitOf, failure, type Subject } from './subject.ts'

export function resumeContract({ name, database }: Subject): void {
  test(`${name}: a function that is resumed gets the head that it missed`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello', 'other'])
    const { ownerId } = claim.build
    await store.functions.pause(ownerId, 'hello', 2)
    const build = await queued(store, '2', {}, 3)
    await claimed(store, build.id, 'w', 3)
    await store.builds.observe(build.id, 'w', 3)
    await store.builds.finish(build.id, 'w', { status: 'failed', reason: 'for this test' }, 4)
    const { record, build: resumed } = await store.functions.resume(ownerId, 'hello', 'alice', 5)
    assert.deepEqual(
      [record.isPaused, resumed?.trigger, resumed?.status, resumed?.commit, resumed?.sender],
      [false, 'resume', 'queued', commitOf('2'), 'alice']
    )
  })

  test(`${name}: a build of the head that waits already becomes the one that resumes`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello'])
    const { ownerId } = claim.build
    await store.functions.pause(ownerId, 'hello', 2)
    const build = await queued(store, '2', {}, 3)
    await claimed(store, build.id, 'w', 3)
    await store.builds.observe(build.id, 'w', 3)
    await store.builds.giveBack(build.id, 'w', 4)
    const { build: resumed } = await store.functions.resume(ownerId, 'hello', 'alice', 5)
    assert.deepEqual([resumed?.id, resumed?.trigger], [build.id, 'resume'])
  })

  test(`${name}: a function that missed nothing, or was not paused, is not built again`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello'])
    const { ownerId } = claim.build
    assert.equal((await store.functions.resume(ownerId, 'hello', 'alice', 2)).build, null)
    await store.functions.pause(ownerId, 'hello', 3)
    assert.equal((await store.functions.resume(ownerId, 'hello', 'alice', 4)).build, null)
    await assert.rejects(store.functions.resume(ownerId, 'ant', 'alice', 5), failure('not-found'))
    await assert.rejects(store.functions.resume('other', 'hello', 'alice', 5), failure('not-found'))
  })

  test(`${name}: nothing is built of a disconnected repository when its function is resumed`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello'])
    await store.functions.pause(claim.build.ownerId, 'hello', 2)
    const next = await deploying(store, '2', ['other'])
    await store.deployments.prepare(next.build.id, 'd', [wanted(next, 'other')], 3)
    await store.repositories.disconnect(claim.repository.id, 4)
    assert.equal((await store.functions.resume(claim.build.ownerId, 'hello', 'alice', 5)).build, null)
  })
}
