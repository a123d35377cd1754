import assert from 'node:assert/strict'
import { test } from 'node:test'
import { specOf } from '@slipway/testing'
import { live, wanted } from './scene.ts'
import { aliceOf, building, liveWith, put, versionOf } from './secret-scene.ts'
import { type Subject } from './subject.ts'

export function secretUpkeepContract({ name, database }: Subject): void {
  test(`${name}: values are encrypted anew one by one, and not over a change`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    const { set } = await put(store, ownerId, 'db', 'one')
    await put(store, ownerId, 'mail', 'two')
    assert.equal((await store.secrets.encryptedOtherwise('k2', 10)).length, 2)
    assert.equal((await store.secrets.encryptedOtherwise('k2', 1)).length, 1)
    await store.secrets.reencrypt(set.versionId, 'one', { ciphertext: 'ONE', keyId: 'k2' })
    await store.secrets.reencrypt(set.versionId, 'one', { ciphertext: 'late', keyId: 'k3' })
    assert.deepEqual(
      (await store.secrets.versions([set.versionId])).map((one) => [one.ciphertext, one.keyId]),
      [['ONE', 'k2']]
    )
    assert.deepEqual(
      (await store.secrets.encryptedOtherwise('k2', 10)).map((one) => one.ciphertext),
      ['two']
    )
  })

  test(`${name}: versions that nothing refers to are forgotten once they are old`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    await put(store, ownerId, 'db', 'one', 1)
    await put(store, ownerId, 'db', 'two', 2)
    const build = await building(store, '1')
    await store.secrets.seal(build.id, 'w', [{ name: 's', sharedName: null, version: versionOf('sealed') }], 3)
    assert.equal(await store.secrets.collect(1), 0)
    assert.equal(await store.secrets.collect(10), 1)
    await store.builds.finish(build.id, 'w', { status: 'failed', reason: 'no' }, 4)
    assert.equal(await store.secrets.collect(10), 1)
    assert.deepEqual(
      (await store.secrets.list(ownerId)).map((set) => set.name),
      ['db']
    )
  })

  test(`${name}: of sealing keys there is one first, however many make one at once`, async (t) => {
    const opened = await database(t)
    const stores = [await opened.open(), await opened.open()]
    const key = (fingerprint: string, certificate: string | null, createdAt = 1) => ({
      fingerprint,
      certificate,
      ciphertext: `of ${fingerprint}`,
      keyId: 'k1',
      createdAt
    })
    await stores[0]?.sealingKeys.add(key('imported', null, 0))
    await Promise.all(stores.map((store, i) => store.sealingKeys.addFirst(key(`made-${i}`, 'pem'))))
    const [store] = stores
    assert.ok(store)
    const listed = await store.sealingKeys.list()
    assert.deepEqual(
      listed.map(({ certificate }) => certificate),
      ['pem', null]
    )
    await store.sealingKeys.add(key('newer', 'pem', 9))
    await store.sealingKeys.add(key('newer', 'another', 99))
    assert.deepEqual((await store.sealingKeys.list())[0], key('newer', 'pem', 9))
    await store.sealingKeys.reencrypt('newer', 'of newer', { ciphertext: 'again', keyId: 'k2' })
    assert.deepEqual((await store.sealingKeys.list())[0]?.ciphertext, 'again')
  })

  test(`${name}: a rollback brings the former versions of secrets back`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await aliceOf(store)
    const { set } = await put(store, ownerId, 'db', 'one')
    const { deployments } = await liveWith(store, '1', ['db'])
    const id = deployments[0]?.id ?? ''
    await live(store, '2', ['hello'])
    await store.deployments.end(id, 'ended', null, 3)
    await put(store, ownerId, 'db', 'two', 4)
    const build = await store.builds.queueRollback(id, 'alice', 5)
    const claim = await store.builds.claimDeploy(build.id, 'd', 1000, 6)
    assert.ok(claim)
    const asked = [wanted(claim, 'hello', { existingDeploymentId: id, spec: specOf('hello', { secrets: ['db'] }) })]
    const [again] = await store.deployments.prepare(build.id, 'd', asked, 7)
    assert.deepEqual(again?.secrets, [{ name: 'db', versionId: set.versionId }])
  })
}
