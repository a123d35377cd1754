import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Build, Store } from '@slipway/domain'
import { imageOf, specOf } from '@slipway/testing'
import { claimed, live, queued, wanted } from './scene.ts'
import { ample, failure, firstPage, type Subject } from './subject.ts'

const id = (character: string) => character.repeat(64)

export async function upload(store: Store, ownerId: string, commit: string, now: number, name = 'shop') {
  return store.builds.queueUpload({ ownerId, name, commit: id(commit), sender: 'alice', message: null }, now)
}

/** Brings an upload's functions live as its workers do. */
export async function bringLive(store: Store, build: Build, names: string[], now: number): Promise<boolean> {
  await claimed(store, build.id, 'w', now)
  await store.builds.observe(build.id, 'w', now)
  const specs = names.map((name) => ({ name, spec: specOf(name) }))
  await store.builds.plan(build.id, 'w', specs, [])
  for (const name of names) await store.builds.updateFunction(build.id, name, { status: 'built', image: imageOf(name) })
  await store.builds.handOver(build.id, 'w', now)
  const claim = await store.builds.claimDeploy(build.id, 'd', 1000, now)
  assert.ok(claim !== null)
  const all = names.map((name) => wanted(claim, name))
  const deployments = await store.deployments.prepare(build.id, 'd', all, now)
  const deploymentIds = deployments.map((one) => one.id)
  const change = { deploymentIds, keep: names, finish: true, pause: false }
  return (await store.deployments.switchLive(build.id, 'd', change, now)).isSwitched
}

export function uploadsContract({ name, database }: Subject): void {
  test(`${name}: an owner is made without a forge, once, and its folders are repositories of their own`, async (t) => {
    const store = await (await database(t)).open()
    const owner = await store.owners.add('alice', 1)
    assert.deepEqual([owner.slug, owner.forgeId], ['alice', 'api'])
    await assert.rejects(store.owners.add('alice', 2), failure('name-taken'))
    await assert.rejects(store.owners.add('kube-x', 2), failure('invalid-request'))
    await assert.rejects(upload(store, 'nobody', 'a', 2), failure('not-found'))
    const { build } = await upload(store, owner.id, 'a', 2)
    assert.deepEqual([build.trigger, build.status, build.ownerId], ['api', 'queued', owner.id])
    const [repository] = await store.repositories.list(owner.id, firstPage)
    assert.deepEqual(
      [repository?.fullName, repository?.forgeId, repository?.isPrivate],
      ['api/alice/shop', 'api', true]
    )
    const other = await upload(store, owner.id, 'a', 3, 'blog')
    assert.notEqual(other.build.repositoryId, build.repositoryId)
  })

  test(`${name}: a folder that is sent again supersedes what waits, stops what runs, and the same content is one build`, async (t) => {
    const store = await (await database(t)).open()
    const { id: ownerId } = await store.owners.add('alice', 1)
    const first = await upload(store, ownerId, 'a', 2)
    assert.equal((await upload(store, ownerId, 'a', 3)).build.id, first.build.id)
    const second = await upload(store, ownerId, 'b', 4)
    assert.deepEqual(second.overtaken, [])
    assert.equal((await store.builds.get(first.build.id))?.status, 'superseded')
    await store.builds.admit(ample, 5)
    await claimed(store, second.build.id, 'w', 5)
    assert.equal((await upload(store, ownerId, 'b', 6)).build.id, second.build.id)
    const third = await upload(store, ownerId, 'c', 7)
    assert.deepEqual(third.overtaken, [second.build.id])
    assert.equal((await store.builds.renew(second.build.id, 'w', 1000, 8)).isCancelled, true)
    await assert.rejects(store.builds.handOver(second.build.id, 'w', 8), failure('cancelled'))
    await store.builds.finish(second.build.id, 'w', { status: 'cancelled', reason: 'stopped' }, 9)
    const ended = await store.builds.get(second.build.id)
    assert.deepEqual([ended?.status, ended?.reason], ['superseded', 'the folder was deployed again'])
    assert.equal(await bringLive(store, third.build, ['hello'], 10), true)
  })

  test(`${name}: an image that was taken out of service is noted as such until it is deployed again`, async (t) => {
    const store = await (await database(t)).open()
    const { id: ownerId } = await store.owners.add('alice', 1)
    const { build } = await upload(store, ownerId, 'a', 2, 'image.hello')
    const removedAt = async () => (await store.repositories.get(build.repositoryId))?.removedAt
    await store.repositories.setRemoved(build.repositoryId, 3)
    assert.equal(await removedAt(), 3)
    await upload(store, ownerId, 'b', 4, 'image.hello')
    assert.equal(await removedAt(), null)
    await assert.rejects(store.repositories.setRemoved('none', 5), failure('not-found'))
  })

  test(`${name}: what was deployed by API is neither pruned nor taken by a push, and goes with its own folder alone`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['site', 'old'])
    const { ownerId } = claim.build
    const { build } = await upload(store, ownerId, 'a', 2)
    await bringLive(store, build, ['hello', 'extra'], 2)
    const liveNames = async () =>
      (await store.functions.list(ownerId, {}, firstPage)).flatMap((fn) =>
        fn.liveDeploymentId === null ? [] : fn.name
      )
    assert.deepEqual((await liveNames()).sort(), ['extra', 'hello', 'old', 'site'])
    const fn = await store.functions.get(ownerId, 'hello')
    assert.equal((await store.deployments.get(fn?.liveDeploymentId ?? ''))?.source, 'api')
    await live(store, '2', ['site'], undefined, 3)
    assert.deepEqual((await liveNames()).sort(), ['extra', 'hello', 'site'])
    await assert.rejects(
      live(store, '3', ['site', 'hello'], undefined, 4),
      failure('name-taken', /folder api\/alice\/shop/)
    )
    const [taken] = await store.functions.conflicts(ownerId, build.repositoryId, ['site'])
    assert.match(taken?.holder ?? '', /repository alice\/shop/)
    const next = await upload(store, ownerId, 'b', 5)
    await bringLive(store, next.build, ['hello'], 5)
    assert.deepEqual((await liveNames()).sort(), ['hello', 'site'])
  })

  test(`${name}: the last versions of each folder are needed, and what is under way`, async (t) => {
    const store = await (await database(t)).open()
    const { id: ownerId } = await store.owners.add('alice', 1)
    for (const commit of ['a', 'b', 'c']) await upload(store, ownerId, commit, 2)
    await upload(store, ownerId, 'd', 2, 'blog')
    await queued(store, '1')
    assert.deepEqual([...(await store.retention.neededUploads(2))].sort(), [id('b'), id('c'), id('d')])
    assert.deepEqual([...(await store.retention.neededUploads(0))].sort(), [id('c'), id('d')])
  })
}
