import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Store } from '@slipway/domain'
import { forgeRepository, shop } from './scene.ts'
import { failure, type Subject } from './subject.ts'

const day = 24 * 3600_000

async function ownerOf(store: Store, repository = shop): Promise<string> {
  return (await store.repositories.connect('github', repository, 1)).ownerId ?? ''
}

function tokenOf(ownerId: string, hash: string, change: { parentId?: string; accountId?: string } = {}) {
  const about = { name: 'ci', scope: 'deploy', createdBy: 'ann', expiresAt: 100 * day } as const
  return { ownerId, hash, accountId: null, parentId: null, ...about, ...change }
}

export function tokensContract({ name, database }: Subject): void {
  test(`${name}: a token is found by its hash until it expires or is revoked`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await ownerOf(store)
    const made = await store.tokens.create(tokenOf(ownerId, 'hash'), 5)
    assert.deepEqual([made.createdAt, made.lastUsedAt, made.scope], [5, null, 'deploy'])
    assert.deepEqual(await store.tokens.find('hash', 6), made)
    assert.deepEqual(await store.tokens.get(made.id), made)
    assert.equal(await store.tokens.find('other', 6), null)
    assert.equal(await store.tokens.find('hash', 100 * day), null)
    await store.tokens.revoke(made.id)
    assert.equal(await store.tokens.find('hash', 6), null)
    await assert.rejects(store.tokens.revoke(made.id), failure('not-found'))
    assert.equal(await store.tokens.get(made.id), null)
  })

  test(`${name}: tokens that were made with one go with it`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await ownerOf(store)
    const first = await store.tokens.create(tokenOf(ownerId, 'first'), 1)
    const second = await store.tokens.create(tokenOf(ownerId, 'second', { parentId: first.id }), 2)
    await store.tokens.create(tokenOf(ownerId, 'third', { parentId: second.id }), 3)
    const other = await store.tokens.create(tokenOf(ownerId, 'other'), 4)
    await store.tokens.revoke(first.id)
    assert.deepEqual(await store.tokens.list(ownerId), [other])
  })

  test(`${name}: tokens are listed by owner and by who made them, newest first`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await ownerOf(store)
    const bob = await ownerOf(store, forgeRepository('bob/blog', 8, 2))
    const a = await store.tokens.create(tokenOf(ownerId, 'a'), 1)
    const b = await store.tokens.create(tokenOf(ownerId, 'b', { accountId: 'ann' }), 2)
    await store.tokens.create(tokenOf(bob, 'c'), 3)
    assert.deepEqual(await store.tokens.list(ownerId), [b, a])
    assert.deepEqual(await store.tokens.list(ownerId, 'ann'), [b])
    assert.deepEqual(await store.tokens.list(ownerId, null), [a])
    assert.deepEqual(await store.tokens.list('nobody'), [])
  })

  test(`${name}: a last use is written later, only ever forwards`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await store.tokens.create(tokenOf(await ownerOf(store), 'a'), 1)
    await store.tokens.use([
      { id, at: 60 },
      { id: 'revoked', at: 60 }
    ])
    await store.tokens.use([{ id, at: 50 }])
    assert.equal((await store.tokens.get(id))?.lastUsedAt, 60)
  })

  test(`${name}: an owner has so many tokens and no more, and what expired long ago does not count`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = await ownerOf(store)
    for (let i = 0; i < 200; i++) await store.tokens.create(tokenOf(ownerId, `hash-${i}`), 1)
    await assert.rejects(store.tokens.create(tokenOf(ownerId, 'one more'), 2), failure('limit-exceeded', /200/))
    const later = 131 * day
    const made = await store.tokens.create({ ...tokenOf(ownerId, 'one more'), expiresAt: 200 * day }, later)
    assert.deepEqual(await store.tokens.list(ownerId), [made])
  })
}
