import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forgeRepository, queued, shop, twoStores } from './scene.ts'
import { failure, firstPage, type Subject } from './subject.ts'

export function accountsContract({ name, database }: Subject): void {
  test(`${name}: a repository that is connected twice at once is one, with one owner`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const made = await atOnce(6, (one, i) => one.repositories.connect('github', shop, i))
    assert.equal(new Set(made.map(({ id }) => id)).size, 1)
    assert.equal((await store.owners.list(firstPage)).length, 1)
    assert.equal(made[0]?.isAtomic, true)
  })

  test(`${name}: owners of one login at once get one slug, the others none`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    await atOnce(6, (one, i) => one.repositories.connect(`forge-${i}`, shop, i))
    const owners = await store.owners.list(firstPage)
    assert.deepEqual(
      owners.filter(({ slug }) => slug !== null).map(({ slug }) => slug),
      ['alice']
    )
    assert.equal(owners.length, 6)
  })

  test(`${name}: connecting renames, moves and connects again what is known by its number`, async (t) => {
    const store = await (await database(t)).open()
    const first = await store.repositories.connect('github', shop, 1)
    await store.repositories.disconnect(first.id, 2)
    assert.equal((await store.repositories.get(first.id))?.disconnectedAt, 2)
    const moved = { ...forgeRepository('acme/renamed', 7, 2), installationId: '3' }
    const again = await store.repositories.connect('github', moved, 3)
    assert.equal(again.id, first.id)
    assert.deepEqual(
      [again.fullName, again.disconnectedAt, again.connectedAt, again.installationId],
      ['acme/renamed', null, 3, '3']
    )
    assert.notEqual(again.ownerId, first.ownerId)
    assert.deepEqual(await store.repositories.connect('github', moved, 4), again, 'nothing new changes nothing')
    const stranger = await store.repositories.connect('github', forgeRepository('alice/shop', 70, 70), 5)
    assert.notEqual(stranger.id, first.id, 'a name that was registered again inherits nothing')
    assert.equal((await store.owners.get(stranger.ownerId ?? ''))?.slug, null)
  })

  test(`${name}: an owner keeps its slug through renames, and builds that wait move with their repository`, async (t) => {
    const store = await (await database(t)).open()
    const build = await queued(store, '1')
    const renamed = forgeRepository('alicia/shop', 7, 1)
    await store.repositories.connect('github', renamed, 2)
    const owner = await store.owners.findByForge('github', '1')
    assert.deepEqual([owner?.login, owner?.slug], ['alicia', 'alice'])
    await store.owners.rename(owner?.id ?? '', 'alison')
    assert.equal((await store.owners.findBySlug('alice'))?.login, 'alison')
    const moved = await store.repositories.connect('github', forgeRepository('acme/shop', 7, 2), 3)
    assert.equal((await store.builds.get(build.id))?.ownerId, moved.ownerId)
  })

  test(`${name}: a slug is one owner's, allowed, and refused with who has it`, async (t) => {
    const store = await (await database(t)).open()
    const alice = await store.repositories.connect('github', shop, 1)
    const bob = await store.repositories.connect('github', forgeRepository('bob/blog', 8, 2), 1)
    await assert.rejects(store.owners.setSlug(bob.ownerId ?? '', 'alice'), failure('name-taken', /alice \(github\)/))
    for (const slug of ['', 'API', 'api', 'kube-x', '-a', 'a'.repeat(31)]) {
      await assert.rejects(store.owners.setSlug(bob.ownerId ?? '', slug), failure('invalid-request'))
    }
    assert.equal((await store.owners.setSlug(alice.ownerId ?? '', 'alice')).slug, 'alice')
    assert.equal((await store.owners.setSlug(bob.ownerId ?? '', 'robert')).slug, 'robert')
    await assert.rejects(store.owners.setSlug('nobody', 'carol'), failure('not-found'))
    assert.equal(await store.owners.findBySlug('bob'), null)
    assert.equal(await store.owners.get('nobody'), null)
    assert.equal((await store.owners.list({ before: bob.ownerId, limit: 9 })).length, 1)
  })

  test(`${name}: an owner's builds are kept apart as its administrator says, and a claim knows it`, async (t) => {
    const store = await (await database(t)).open()
    const build = await queued(store, '1')
    const ownerId = build.ownerId ?? ''
    assert.equal((await store.owners.get(ownerId))?.buildIsolation, null)
    assert.equal((await store.owners.setBuildIsolation(ownerId, 'strict')).buildIsolation, 'strict')
    const claim = await store.builds.claim(build.id, 'worker', 1000, 2)
    assert.equal(claim?.buildIsolation, 'strict')
    assert.equal((await store.owners.setBuildIsolation(ownerId, null)).buildIsolation, null)
    await assert.rejects(store.owners.setBuildIsolation('nobody', 'strict'), failure('not-found'))
  })

  test(`${name}: an installation is suspended and taken up again as a whole`, async (t) => {
    const store = await (await database(t)).open()
    const one = await store.repositories.connect('github', { ...shop, installationId: '3' }, 1)
    const two = await store.repositories.connect('github', { ...forgeRepository('alice/b', 8), installationId: '3' }, 1)
    const other = await store.repositories.connect('gitlab', { ...shop, installationId: '3' }, 1)
    await store.repositories.setSuspended('github', '3', true, 5)
    await store.repositories.setSuspended('github', '3', true, 6)
    const suspendedAt = async () =>
      Promise.all([one, two, other].map(async ({ id }) => (await store.repositories.get(id))?.suspendedAt))
    assert.deepEqual(await suspendedAt(), [5, 5, null])
    await store.repositories.setSuspended('github', '3', false, 7)
    assert.deepEqual(await suspendedAt(), [null, null, null])
    await store.repositories.disconnect(two.id, 8)
    assert.deepEqual(
      (await store.repositories.ofInstallation('github', '3')).map(({ id }) => id),
      [one.id]
    )
  })

  test(`${name}: settings of a repository change one by one, and it is listed with its owner's others`, async (t) => {
    const store = await (await database(t)).open()
    const { id, ownerId } = await store.repositories.connect('github', shop, 1)
    await store.repositories.connect('github', forgeRepository('bob/blog', 8, 2), 1)
    await store.repositories.updateSettings(id, { branch: 'live', stackPath: 'app/stack.yml' })
    const changed = await store.repositories.updateSettings(id, { isAtomic: false, stackPath: null })
    assert.deepEqual([changed.branch, changed.stackPath, changed.isAtomic], ['live', null, false])
    await store.repositories.connect('github', { ...shop, name: 'new', fullName: 'alice/new' }, 2)
    assert.equal((await store.repositories.get(id))?.branch, 'live', 'what the forge says does not touch settings')
    assert.deepEqual(
      (await store.repositories.list(ownerId, firstPage)).map((one) => one.fullName),
      ['alice/new']
    )
    assert.equal((await store.repositories.list(null, { before: null, limit: 1 }))[0]?.fullName, 'bob/blog')
    assert.equal((await store.repositories.list(null, { before: id, limit: 1 })).length, 0)
    await assert.rejects(store.repositories.updateSettings('nothing', {}), failure('not-found'))
    await assert.rejects(store.repositories.disconnect('nothing', 1), failure('not-found'))
  })
}
