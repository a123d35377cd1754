import assert from 'node:assert/strict'
import { test } from 'node:test'
import { live } from './scene.ts'
import { failure, firstPage, type Subject } from './subject.ts'
import { bringLive, upload } from './uploads.ts'

export function ownerRemovalContract({ name, database }: Subject): void {
  test(`${name}: an owner without a forge is removed once nothing of it runs, and its names are free`, async (t) => {
    const store = await (await database(t)).open()
    const erin = await store.owners.add('erin', 1)
    const { build } = await upload(store, erin.id, 'a', 2)
    await assert.rejects(store.owners.remove(erin.id, 3), failure('conflict', /has a build that has not ended/))
    await bringLive(store, build, ['hello'], 4)
    await assert.rejects(store.owners.remove(erin.id, 5), failure('conflict', /remove hello first/))
    await store.functions.remove(erin.id, 'hello', 6)
    const [deployment] = await store.deployments.list(erin.id, {}, firstPage)
    await assert.rejects(store.owners.remove(erin.id, 7), failure('conflict', /remove hello first/), 'it still drains')
    await store.deployments.end(deployment?.id ?? '', 'ended', null, 8)
    const scope = { kind: 'owner' } as const
    const by = 'administrator'
    await store.variables.change(
      { ownerId: erin.id, scope, use: 'runtime', set: { COLOUR: 'blue' }, remove: [], by, actor: by },
      9
    )

    const removed = await store.owners.remove(erin.id, 10)
    assert.deepEqual(
      [removed.id, removed.slug, removed.suspension],
      [erin.id, null, { at: 10, reason: 'it was removed' }]
    )
    assert.equal(await store.owners.findBySlug('erin'), null)
    assert.equal((await store.builds.get(build.id))?.ownerId, erin.id, 'what it did stays')
    await assert.rejects(upload(store, erin.id, 'b', 11), failure('conflict', /removed/))
    await assert.rejects(store.owners.remove(erin.id, 12), failure('not-found'))
    assert.deepEqual(await store.owners.list(firstPage), [], 'it is no owner that waits for a name')
    assert.deepEqual(await store.repositories.list(null, firstPage), [], 'nothing of it is connected any more')
    assert.notEqual(await store.repositories.get(build.repositoryId), null, 'its builds lead there')
    await assert.rejects(store.owners.setSlug(erin.id, 'erin'), failure('not-found'))

    const next = await store.owners.add('erin', 13)
    assert.notEqual(next.id, erin.id)
    assert.deepEqual(await store.functions.list(next.id, {}, firstPage), [])
    const again = await upload(store, next.id, 'c', 14)
    assert.equal(await bringLive(store, again.build, ['hello'], 15), true)
    assert.deepEqual(
      (await store.repositories.list(null, firstPage)).map(({ ownerId }) => ownerId),
      [next.id]
    )
  })

  test(`${name}: a name that an owner without a forge gave up is free for another one`, async (t) => {
    const store = await (await database(t)).open()
    const first = await store.owners.add('erin', 1)
    await store.owners.setSlug(first.id, 'erika')
    const second = await store.owners.add('erin', 2)
    assert.notEqual(second.id, first.id)
    assert.deepEqual(
      (await store.owners.list(firstPage)).map(({ slug }) => slug),
      ['erin', 'erika']
    )
  })

  test(`${name}: an owner of a forge is not removed by hand`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello'])
    await assert.rejects(store.owners.remove(claim.build.ownerId ?? '', 2), failure('conflict', /of the forge github/))
    await assert.rejects(store.owners.remove('nobody', 2), failure('not-found'))
  })
}
