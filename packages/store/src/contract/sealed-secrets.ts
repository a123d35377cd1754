import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claimed, forgeRepository, queued } from './scene.ts'
import { aliceOf, building, liveWith, publish, put, versionOf } from './secret-scene.ts'
import { failure, firstPage, type Subject } from './subject.ts'

export function sealedContract({ name, database }: Subject): void {
  test(`${name}: what a build seals is its own until it is live, and goes when the repository seals it no more`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    const first = await building(store, '1')
    const version = versionOf('one')
    await store.secrets.seal(first.id, 'w', [{ name: 'db', sharedName: null, version: versionOf('zero') }], 1)
    await store.secrets.seal(first.id, 'w', [{ name: 'db', sharedName: null, version }], 1)
    assert.deepEqual(await store.secrets.list(ownerId), [])
    assert.deepEqual(
      (await store.secrets.ofBuild(first.id, 'w', ['db'])).map((one) => one.ciphertext),
      ['one']
    )
    assert.deepEqual(
      (await store.secrets.inUse(ownerId)).map((one) => one.ciphertext),
      ['one']
    )
    await publish(store, first.id)
    const [set] = await store.secrets.list(ownerId)
    assert.deepEqual([set?.name, set?.origin, set?.versionId], ['db', 'sealed', version.versionId])

    const same = await building(store, '2')
    const again = [{ name: 'db', sharedName: null, version: { versionId: version.versionId } }]
    await store.secrets.seal(same.id, 'w', again, 7)
    await publish(store, same.id)
    assert.equal((await store.secrets.get(ownerId, 'db'))?.versionId, version.versionId)

    const failed = await building(store, '3')
    await store.secrets.seal(failed.id, 'w', [], 8)
    await store.builds.finish(failed.id, 'w', { status: 'failed', reason: 'no' }, 8)
    assert.equal((await store.secrets.list(ownerId)).length, 1, 'a build that fails changes nothing')

    const without = await building(store, '4')
    await store.secrets.seal(without.id, 'w', [], 9)
    await publish(store, without.id)
    assert.deepEqual(await store.secrets.list(ownerId), [])
  })

  test(`${name}: an older build does not put its secrets over a newer one's`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    const older = await queued(store, '1', { ref: 'refs/heads/a' })
    const newer = await queued(store, '2', { ref: 'refs/heads/b' })
    for (const [id, text] of [
      [older.id, 'old'],
      [newer.id, 'new']
    ] as const) {
      await claimed(store, id)
      await store.secrets.seal(id, 'w', [{ name: 'db', sharedName: null, version: versionOf(text) }], 1)
    }
    await publish(store, newer.id)
    await publish(store, older.id)
    const set = await store.secrets.get(ownerId, 'db')
    assert.deepEqual(
      (await store.secrets.versions([set?.versionId ?? ''])).map((one) => one.ciphertext),
      ['new']
    )
  })

  test(`${name}: whoever made a set keeps it: another repository's, and one over the API's, is refused`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    const sealed = (set: string) => [{ name: set, sharedName: null, version: versionOf('s') }]
    const first = await building(store, '1')
    await store.secrets.seal(first.id, 'w', sealed('db'), 1)
    await publish(store, first.id)
    await put(store, ownerId, 'mail', 'x')
    const blog = await building(store, '9', forgeRepository('alice/blog', 8))
    const taken = await store.secrets.seal(blog.id, 'w', [...sealed('mine'), ...sealed('db')], 2)
    assert.deepEqual(taken, {
      name: 'db',
      reason: 'the secret "db" is sealed in alice/shop: choose another name, or remove it there'
    })
    assert.deepEqual(await store.secrets.ofBuild(blog.id, 'w', ['mine']), [], 'all of them, or none')
    assert.match((await store.secrets.seal(blog.id, 'w', sealed('mail'), 2))?.reason ?? '', /"mail" was put by API/)
    await assert.rejects(store.secrets.seal(blog.id, 'other', sealed('a'), 3), failure('lease-lost'))
  })

  test(`${name}: hostile: a name in the namespace that owners share stays its first owner's`, async (t) => {
    const store = await (await database(t)).open()
    const ab = await building(store, '1', forgeRepository('a-b/x', 1, 1))
    const version = versionOf('s')
    assert.equal(await store.secrets.seal(ab.id, 'w', [{ name: 'c', sharedName: 'a-b-c', version }], 1), null)
    const a = await building(store, '2', forgeRepository('a/x', 2, 2))
    const stolen = [{ name: 'b-c', sharedName: 'a-b-c', version: versionOf('t') }]
    assert.match((await store.secrets.seal(a.id, 'w', stolen, 2))?.reason ?? '', /"a-b-c" is another owner's/)
    await store.builds.finish(ab.id, 'w', { status: 'failed', reason: 'no' }, 3)
    assert.notEqual(await store.secrets.seal(a.id, 'w', stolen, 4), null, 'even when nothing of it is live')
  })

  test(`${name}: a sealed set that changed deploys other repositories' functions again`, async (t) => {
    const store = await (await database(t)).open()
    const first = await building(store, '1')
    await store.secrets.seal(first.id, 'w', [{ name: 'db', sharedName: null, version: versionOf('one') }], 1)
    await publish(store, first.id)
    const blog = forgeRepository('alice/blog', 8)
    const { claim } = await liveWith(store, '9', ['db'], ['blog'], blog)
    const second = await building(store, '2')
    await store.secrets.seal(second.id, 'w', [{ name: 'db', sharedName: null, version: versionOf('two') }], 2)
    await publish(store, second.id)
    const builds = await store.builds.list(null, { status: 'deploying' }, firstPage)
    assert.deepEqual(
      builds.map((build) => [build.trigger, build.repositoryId]),
      [['configuration', claim.repository.id]]
    )
  })
}
