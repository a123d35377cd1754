import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Store, Whose } from '@slipway/domain'
import { delivery, forgeRepository, live, push, shop } from './scene.ts'
import { commitOf, firstPage, type Subject } from './subject.ts'

const blog = forgeRepository('alice/blog', 8)
const bobs = forgeRepository('bob/page', 9, 2)

/** alice has shop and blog, bob has page; each with a build, a function, a delivery and an entry of the audit log. */
async function seed(store: Store) {
  const ids: Record<string, string> = {}
  const owners: Record<string, string> = {}
  for (const [i, repository] of [shop, blog, bobs].entries()) {
    const { claim } = await live(store, `${i}`, [repository.name], repository)
    ids[repository.name] = claim.repository.id
    owners[repository.owner.login] = claim.build.ownerId
    const pushed = push(commitOf(`pushed ${i}`), { repository })
    await store.deliveries.record([delivery(`d${i}`, pushed)], null, 1)
    const { ownerId } = claim.build
    await store.audit.append({ at: 1, actor: 'a', action: 'b', ownerId, resource: repository.name, detail: {} })
  }
  await store.deliveries.record([delivery('ping', { kind: 'ping' })], null, 1)
  const names = new Map(Object.entries(ids).map(([name, id]) => [id, name]))
  const nameOf = (id: string | null) => names.get(id ?? '') ?? null

  async function seen(whose: Whose) {
    const distinct = (all: (string | null)[]) => [...new Set(all)].toSorted((a, b) => (String(a) < String(b) ? -1 : 1))
    return {
      owners: distinct((await store.owners.list(firstPage, whose)).map(({ slug }) => slug)),
      repositories: distinct((await store.repositories.list(whose, firstPage)).map(({ name }) => name)),
      builds: distinct((await store.builds.list(whose, {}, firstPage)).map((one) => nameOf(one.repositoryId))),
      functions: distinct((await store.functions.list(whose, {}, firstPage)).map(({ name }) => name)),
      deliveries: distinct((await store.deliveries.list(whose, firstPage)).map((one) => nameOf(one.repositoryId))),
      audit: distinct((await store.audit.list(whose, firstPage)).map(({ resource }) => resource))
    }
  }
  return { seen, ids, owners }
}

const nothing = { ownerIds: [], repositoryIds: [], isPublicIncluded: false, ofOwnerId: null }
const same = (owners: string[], names: string[], audit = names) => ({
  owners,
  repositories: names,
  builds: names,
  functions: names,
  deliveries: names,
  audit
})

export function visibleContract({ name, database }: Subject): void {
  test(`${name}: lists hold what may be seen, by owner and by repository`, async (t) => {
    const store = await (await database(t)).open()
    const { seen, ids, owners } = await seed(store)
    const { alice = '', bob = '' } = owners
    const { shop: shopId = '', page: pageId = '' } = ids
    assert.deepEqual(await seen(nothing), same([], []))
    assert.deepEqual(await seen({ ...nothing, ownerIds: [alice] }), same(['alice'], ['blog', 'shop']))
    assert.deepEqual(await seen({ ...nothing, repositoryIds: [shopId] }), same(['alice'], ['shop'], []))
    const both = { ...nothing, ownerIds: [bob], repositoryIds: [shopId] }
    assert.deepEqual(await seen(both), same(['alice', 'bob'], ['page', 'shop'], ['page']))
    assert.deepEqual(await seen({ ...both, ofOwnerId: alice }), same(['alice'], ['shop'], []))
    assert.deepEqual(await seen({ ...nothing, repositoryIds: [pageId], ofOwnerId: alice }), same([], []))
    const all = await seen(null)
    assert.deepEqual(all.builds, ['blog', 'page', 'shop'])
    assert.equal(all.deliveries.length, 4, 'those without a repository are of the platform')
    assert.deepEqual(await seen({ ...nothing, ownerIds: null, ofOwnerId: bob }), same(['bob'], ['page']))
  })

  test(`${name}: public pages are seen where they are asked for, and no longer once the repository is private`, async (t) => {
    const store = await (await database(t)).open()
    const { seen, ids, owners } = await seed(store)
    const alice = owners.alice ?? ''
    await store.repositories.updateSettings(ids.shop ?? '', { hasPublicPages: true })
    assert.equal(await store.owners.hasPublicPages(alice), true)
    assert.equal(await store.owners.hasPublicPages(owners.bob ?? ''), false)
    assert.deepEqual(await seen(nothing), same([], []))
    const open = { ...nothing, isPublicIncluded: true, ofOwnerId: alice }
    assert.deepEqual(await seen(open), same(['alice'], ['shop'], []))
    await store.repositories.connect('github', { ...shop, isPrivate: true }, 5)
    assert.deepEqual(await seen(open), same([], []))
    assert.equal(await store.owners.hasPublicPages(alice), false)
  })

  test(`${name}: who had a repository sees it no more once it was moved`, async (t) => {
    const store = await (await database(t)).open()
    const { seen, owners } = await seed(store)
    const moved = { ...shop, fullName: 'bob/shop', owner: bobs.owner }
    await store.repositories.connect('github', moved, 5)
    assert.deepEqual((await seen({ ...nothing, ownerIds: [owners.alice ?? ''] })).builds, ['blog'])
    assert.deepEqual((await seen({ ...nothing, ownerIds: [owners.bob ?? ''] })).builds, ['page', 'shop'])
  })

  test(`${name}: pages of a list that is not all seen are full`, async (t) => {
    const store = await (await database(t)).open()
    const owners: string[] = []
    for (let i = 0; i < 12; i++) {
      const repository = i % 3 === 0 ? shop : bobs
      const { ownerId } = await store.repositories.connect('github', repository, i)
      owners[i % 3] = ownerId ?? ''
      await store.deliveries.record([delivery(`${i}`, push(commitOf(`c${i}`), { repository }))], null, i)
    }
    const whose = { ...nothing, ownerIds: [owners[0] ?? ''] }
    const first = await store.builds.list(whose, {}, { before: null, limit: 2 })
    const second = await store.builds.list(whose, {}, { before: first.at(-1)?.id ?? null, limit: 2 })
    const third = await store.builds.list(whose, {}, { before: second.at(-1)?.id ?? null, limit: 2 })
    assert.deepEqual([first.length, second.length, third.length], [2, 2, 0])
  })
}
