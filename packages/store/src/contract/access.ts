import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FunctionKey, Store } from '@slipway/domain'
import { forgeRepository, live, shop, twoStores } from './scene.ts'
import { failure, type Subject } from './subject.ts'

async function served(store: Store): Promise<Record<string, string>> {
  return Object.fromEntries((await store.functions.routes()).map((route) => [route.functionName, route.access]))
}

function keyOf(ownerId: string, hash: string, more: Partial<FunctionKey> = {}) {
  return {
    ownerId,
    hash,
    name: `key ${hash}`,
    isOwn: false,
    functionName: null,
    createdBy: 'alice',
    expiresAt: null,
    ...more
  }
}

export function accessContract({ name, database }: Subject): void {
  test(`${name}: of function, repository and owner the nearest says who may call, and gateways hear of each change`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello', 'other'])
    const { ownerId } = claim.build
    assert.ok(ownerId !== null)
    assert.deepEqual(await store.access.of(ownerId, 'hello'), { access: 'public', source: 'default' })
    const version = await store.functions.routesVersion()
    assert.equal(await store.access.set({ kind: 'owner', ownerId }, 'owner'), null)
    assert.deepEqual(await served(store), { hello: 'owner', other: 'owner' })
    const repository = { kind: 'repository', repositoryId: claim.repository.id } as const
    await store.access.set(repository, 'token')
    assert.deepEqual(await store.access.of(ownerId, 'hello'), { access: 'token', source: 'repository' })
    await store.access.set({ kind: 'function', ownerId, name: 'hello' }, 'public')
    assert.deepEqual(await served(store), { hello: 'public', other: 'token' })
    assert.deepEqual(await store.access.of(ownerId, 'hello'), { access: 'public', source: 'function' })
    assert.equal(await store.access.set(repository, null), 'token')
    assert.deepEqual(await served(store), { hello: 'public', other: 'owner' })
    assert.equal(await store.functions.routesVersion(), version + 4)
    await store.access.set(repository, null)
    assert.equal(await store.functions.routesVersion(), version + 4, 'nothing changed')
  })

  test(`${name}: who may call survives deploys, and the removal and return of the function`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello'])
    const { ownerId } = claim.build
    assert.ok(ownerId !== null)
    await store.access.set({ kind: 'function', ownerId, name: 'hello' }, 'token')
    await live(store, '2', ['hello'])
    assert.deepEqual(await served(store), { hello: 'token' })
    await store.functions.remove(ownerId, 'hello', 5)
    await live(store, '3', ['hello'], shop, 10)
    assert.deepEqual(await served(store), { hello: 'token' })
  })

  test(`${name}: who may call what is not there cannot be said`, async (t) => {
    const store = await (await database(t)).open()
    const { ownerId } = await store.repositories.connect('github', shop, 0)
    assert.ok(ownerId !== null)
    await assert.rejects(store.access.of(ownerId, 'hello'), failure('not-found'))
    for (const target of [
      { kind: 'function', ownerId, name: 'hello' },
      { kind: 'repository', repositoryId: 'none' },
      { kind: 'owner', ownerId: 'none' }
    ] as const) {
      await assert.rejects(store.access.set(target, 'token'), failure('not-found', new RegExp(target.kind)))
    }
  })

  test(`${name}: keys are known to gateways until they are revoked, and each belongs to its owner`, async (t) => {
    const store = await (await database(t)).open()
    const alice = (await store.repositories.connect('github', shop, 0)).ownerId ?? ''
    const bob = (await store.repositories.connect('github', forgeRepository('bob/site', 8, 2), 0)).ownerId ?? ''
    const version = await store.functions.routesVersion()
    const first = await store.functionKeys.create(keyOf(alice, 'a', { expiresAt: 100 }), 1)
    const second = await store.functionKeys.create(keyOf(alice, 'b', { isOwn: true, functionName: 'hello' }), 2)
    assert.deepEqual(await store.functionKeys.list(alice), [second, first])
    assert.deepEqual(await store.functionKeys.list(bob), [])
    const known = (await store.functionKeys.known()).toSorted((one, other) => (one.hash < other.hash ? -1 : 1))
    assert.deepEqual(known, [
      { hash: 'a', ownerId: alice, isOwn: false, functionName: null, expiresAt: 100 },
      { hash: 'b', ownerId: alice, isOwn: true, functionName: 'hello', expiresAt: null }
    ])
    await assert.rejects(store.functionKeys.revoke(bob, second.id), failure('not-found'))
    assert.deepEqual(await store.functionKeys.revoke(alice, second.id), second)
    assert.equal(await store.functions.routesVersion(), version + 3)
    await assert.rejects(store.functionKeys.revoke(alice, second.id), failure('not-found'))
    await store.functionKeys.create(keyOf(alice, 'c'), 100)
    assert.deepEqual(
      (await store.functionKeys.known()).map(({ hash }) => hash),
      ['c'],
      'what has expired is forgotten'
    )
  })

  test(`${name}: an owner has a hundred keys at most, also when many are made at once`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const alice = (await store.repositories.connect('github', shop, 0)).ownerId ?? ''
    for (let i = 0; i < 98; i++) await store.functionKeys.create(keyOf(alice, `${i}`), 1)
    const made = await atOnce(6, (one, i) => one.functionKeys.create(keyOf(alice, `more-${i}`), 1).catch(() => null))
    assert.equal(made.filter((key) => key !== null).length, 2)
    await assert.rejects(store.functionKeys.create(keyOf(alice, 'last'), 1), failure('limit-exceeded', /revoke/))
  })
}
