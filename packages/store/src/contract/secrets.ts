import assert from 'node:assert/strict'
import { test } from 'node:test'
import { specOf } from '@slipway/testing'
import { deploying, forgeRepository, wanted } from './scene.ts'
import { aliceOf, building, liveWith, publish, put, versionOf } from './secret-scene.ts'
import { failure, type Subject } from './subject.ts'

export function secretsContract({ name, database }: Subject): void {
  test(`${name}: a secret is listed by its keys, and each change of it is a new version`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    const { set, redeploys } = await put(store, ownerId, 'db', 'one')
    assert.deepEqual(
      [set.name, set.origin, set.keys, set.repositoryId, redeploys],
      ['db', 'api', ['password'], null, []]
    )
    const second = await store.secrets.put({ ownerId, name: 'db', version: versionOf('two', ['a', 'b']), by: 'x' }, 2)
    assert.notEqual(second.set.versionId, set.versionId)
    assert.deepEqual(await store.secrets.list(ownerId), [second.set])
    assert.deepEqual([second.set.createdAt, second.set.updatedAt, second.set.keys], [1, 2, ['a', 'b']])
    const stored = await store.secrets.versions([set.versionId, second.set.versionId, 'nothing'])
    assert.deepEqual(
      stored.map(({ ciphertext }) => ciphertext),
      ['one', 'two']
    )
    await store.secrets.remove(ownerId, 'db', 3)
    assert.deepEqual([await store.secrets.list(ownerId), await store.secrets.get(ownerId, 'db')], [[], null])
    await assert.rejects(store.secrets.remove(ownerId, 'db', 4), failure('not-found'))
    assert.equal((await put(store, ownerId, 'db', 'three', 5)).set.createdAt, 1)
  })

  test(`${name}: hostile: a secret of one owner is nobody else's, whatever the name begins with`, async (t) => {
    const store = await (await database(t)).open()
    const alex = (await store.repositories.connect('github', forgeRepository('alex/a', 1, 1), 0)).ownerId ?? ''
    const ellis = (await store.repositories.connect('github', forgeRepository('alexellis/a', 2, 2), 0)).ownerId ?? ''
    await put(store, ellis, 'x', 'hers')
    assert.deepEqual(await store.secrets.list(alex), [])
    assert.deepEqual(await store.secrets.inUse(alex), [])
    const build = await building(store, '1', forgeRepository('alex/a', 1, 1))
    for (const wanted of ['x', 'alexellis-x', 'ellis-x']) {
      assert.deepEqual(await store.secrets.ofBuild(build.id, 'w', [wanted]), [])
    }
  })

  test(`${name}: a deployment keeps the versions that it was made with`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    const { set } = await put(store, ownerId, 'db', 'one')
    const { deployments } = await liveWith(store, '1', ['db'])
    const pins = [{ name: 'db', versionId: set.versionId }]
    assert.deepEqual(deployments[0]?.secrets, pins)
    await put(store, ownerId, 'db', 'two', 2)
    assert.deepEqual((await store.deployments.get(deployments[0]?.id ?? ''))?.secrets, pins)
    assert.equal(await store.secrets.collect(Number.MAX_SAFE_INTEGER), 0, 'both versions are needed')
    assert.deepEqual(
      (await store.secrets.inUse(ownerId)).map(({ ciphertext }) => ciphertext),
      ['one', 'two']
    )
  })

  test(`${name}: a roll-out whose secret is gone meanwhile fails and names it`, async (t) => {
    const store = await (await database(t)).open()
    await aliceOf(store)
    const claim = await deploying(store, '1', ['hello'])
    const asked = [wanted(claim, 'hello', { spec: specOf('hello', { secrets: ['db'] }) })]
    await assert.rejects(
      store.deployments.prepare(claim.build.id, 'd', asked, 1),
      failure('invalid-stack', /functions\.hello\.secrets.*"db".*slipway secrets set db/)
    )
  })

  test(`${name}: a secret in use is not removed, and one that a repository seals not by API`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    await put(store, ownerId, 'db', 'one')
    await liveWith(store, '1', ['db'])
    await assert.rejects(store.secrets.remove(ownerId, 'db', 2), failure('conflict', /"db" is used by alice-hello/))
    const build = await building(store, '2')
    const sets = [{ name: 'sealed', sharedName: null, version: versionOf('s') }]
    assert.equal(await store.secrets.seal(build.id, 'w', sets, 3), null)
    await publish(store, build.id)
    await assert.rejects(store.secrets.remove(ownerId, 'sealed', 4), failure('conflict', /sealed in alice\/shop/))
    await assert.rejects(put(store, ownerId, 'sealed', 'x', 4), failure('conflict', /sealed in alice\/shop/))
  })
}
