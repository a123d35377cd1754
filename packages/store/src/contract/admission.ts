import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admitted, claimed, deploying, forgeRepository, queued, shop, twoStores } from './scene.ts'
import { ample, commitOf, firstPage, type Subject } from './subject.ts'

const bobs = forgeRepository('bob/blog', 8, 2)
const two = { slots: 2, perOwner: 2, redispatchMs: 1000 }

export function admissionContract({ name, database }: Subject): void {
  test(`${name}: with two slots and an owner with fifty builds waiting, another's single push is next`, async (t) => {
    const store = await (await database(t)).open()
    for (let i = 0; i < 50; i++) await queued(store, `a${i}`, { ref: `refs/heads/b${i}` })
    const first = await admitted(store, two)
    assert.equal(first.length, 2)
    assert.deepEqual(await admitted(store, two), [], 'no slot is free')
    const bob = await queued(store, 'b', { repository: bobs })
    await claimed(store, first[0] ?? '')
    await store.builds.finish(first[0] ?? '', 'w', { status: 'failed', reason: 'no' }, 1)
    assert.deepEqual(await admitted(store, two), [bob.id])
    await claimed(store, first[1] ?? '')
    await store.builds.finish(first[1] ?? '', 'w', { status: 'failed', reason: 'no' }, 1)
    const [next] = await admitted(store, two)
    assert.equal((await store.builds.get(next ?? ''))?.commit, commitOf('a2'), 'within an owner the oldest is next')
  })

  test(`${name}: owners take turns`, async (t) => {
    const store = await (await database(t)).open()
    const repositories = [shop, bobs, forgeRepository('carol/site', 9, 3)]
    for (const repository of repositories) {
      for (let i = 0; i < 3; i++) await queued(store, `${repository.name}${i}`, { repository, ref: `refs/heads/b${i}` })
    }
    const names: string[] = []
    for (let round = 0; round < 9; round++) {
      const [id = ''] = await admitted(store, { ...two, slots: 1 })
      const build = await store.builds.get(id)
      names.push((await store.repositories.get(build?.repositoryId ?? ''))?.name ?? '')
      await claimed(store, id)
      await store.builds.finish(id, 'w', { status: 'failed', reason: null }, 1)
    }
    assert.deepEqual(names, ['shop', 'blog', 'site', 'shop', 'blog', 'site', 'shop', 'blog', 'site'])
  })

  test(`${name}: one build of a ref at a time, until it has ended`, async (t) => {
    const store = await (await database(t)).open()
    const first = await queued(store, '1')
    const second = await queued(store, '2')
    assert.deepEqual(await admitted(store), [first.id])
    assert.deepEqual(await admitted(store), [])
    await claimed(store, first.id)
    assert.deepEqual(await admitted(store), [])
    await store.builds.handOver(first.id, 'w', 1)
    assert.deepEqual(await admitted(store), [first.id], 'its roll-out')
    assert.deepEqual(await admitted(store), [])
    assert.ok(await store.builds.claimDeploy(first.id, 'd', 1000, 1))
    await store.builds.finish(first.id, 'd', { status: 'failed', reason: null }, 2)
    assert.deepEqual(await admitted(store), [second.id])
  })

  test(`${name}: an owner has at most so many at once, and roll-outs take no slot`, async (t) => {
    const store = await (await database(t)).open()
    for (let i = 0; i < 3; i++) await queued(store, `a${i}`, { ref: `refs/heads/b${i}` })
    const limits = { ...ample, perOwner: 1 }
    const [first = ''] = await admitted(store, limits)
    assert.deepEqual(await admitted(store, limits), [])
    await claimed(store, first)
    assert.deepEqual(await admitted(store, limits), [])
    await store.builds.handOver(first, 'w', 1)
    const jobs = await store.builds.admit(limits, 2)
    assert.deepEqual(
      jobs.map(({ stage, buildId }) => [stage, buildId === first]),
      [
        ['deploy', true],
        ['build', false]
      ]
    )
  })

  test(`${name}: a build waits for its time, and for its owner's slug`, async (t) => {
    const store = await (await database(t)).open()
    const build = await queued(store, '1')
    await claimed(store, build.id)
    await store.builds.retryLater(build.id, 'w', 'the registry is away', 500)
    assert.deepEqual(await admitted(store, ample, 499), [])
    assert.deepEqual(await admitted(store, ample, 500), [build.id])

    const namesake = { ...forgeRepository('alice/shop', 7, 1) }
    const { id: repositoryId, ownerId } = await store.repositories.connect('gitlab', namesake, 0)
    const other = await queued(store, '2', { repositoryId })
    assert.deepEqual(await admitted(store, ample, 500), [])
    await store.owners.setSlug(ownerId ?? '', 'alice-gitlab')
    assert.deepEqual(await admitted(store, ample, 500), [other.id])
  })

  test(`${name}: a lost job is made again with a new number, one that is worked on is not`, async (t) => {
    const store = await (await database(t)).open()
    const build = await queued(store, '1')
    assert.deepEqual(await store.builds.admit(two, 0), [{ buildId: build.id, stage: 'build', dispatch: 1 }])
    assert.deepEqual(await store.builds.admit(two, 999), [])
    assert.deepEqual(await store.builds.admit(two, 1000), [{ buildId: build.id, stage: 'build', dispatch: 2 }])
    await claimed(store, build.id, 'w', 1500, 5000)
    assert.deepEqual(await store.builds.admit(two, 6499), [], 'its worker holds it')
    assert.deepEqual(await store.builds.admit(two, 6500), [{ buildId: build.id, stage: 'build', dispatch: 3 }])
    await claimed(store, build.id, 'w2', 6600)
    await store.builds.handOver(build.id, 'w2', 6700)
    assert.deepEqual(await store.builds.admit(two, 6700), [{ buildId: build.id, stage: 'deploy', dispatch: 4 }])
    assert.deepEqual(await store.builds.admit(two, 6701), [])
    assert.deepEqual(await store.builds.admit(two, 7700), [{ buildId: build.id, stage: 'deploy', dispatch: 5 }])
  })

  test(`${name}: a dispatch that the queue did not take is free again at once`, async (t) => {
    const store = await (await database(t)).open()
    const build = await queued(store, '1')
    await admitted(store, two)
    await store.builds.undispatch(build.id)
    assert.deepEqual(await store.builds.admit(two, 1), [{ buildId: build.id, stage: 'build', dispatch: 2 }])
    await claimed(store, build.id, 'w', 2)
    await store.builds.handOver(build.id, 'w', 3)
    await admitted(store, two, 4)
    await store.builds.undispatch(build.id)
    assert.deepEqual(await store.builds.admit(two, 5), [{ buildId: build.id, stage: 'deploy', dispatch: 4 }])
  })

  test(`${name}: a roll-out that is to be tried later waits for its time`, async (t) => {
    const store = await (await database(t)).open()
    const { build } = await deploying(store, '1', ['hello'])
    await store.builds.retryLater(build.id, 'd', 'the cluster is away', 50)
    assert.deepEqual(await admitted(store, two, 49), [])
    assert.deepEqual(await admitted(store, two, 50), [build.id])
  })

  test(`${name}: builds of a disconnected or suspended repository end cancelled instead`, async (t) => {
    const store = await (await database(t)).open()
    const installed = { ...bobs, installationId: '3' }
    const waiting = await queued(store, '1', { repository: installed })
    const later = await queued(store, '2', { repository: installed })
    const lost = await queued(store, '3', { repository: installed, ref: 'refs/heads/other' })
    await claimed(store, lost.id, 'w', 0, 10)
    await store.repositories.setSuspended('github', '3', true, 5)
    assert.deepEqual(await admitted(store, two, 5000), [])
    for (const { id } of [waiting, later, lost]) {
      const build = await store.builds.get(id)
      assert.deepEqual([build?.status, build?.reason], ['cancelled', 'the installation is suspended at the forge'])
    }
    await store.repositories.setSuspended('github', '3', false, 6)
    const next = await queued(store, '4', { repository: installed })
    assert.deepEqual(await admitted(store, two, 5000), [next.id])
  })

  test(`${name}: two dispatchers at once admit each build once and keep to the limits`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    for (let i = 0; i < 12; i++) {
      await queued(store, `a${i}`, { ref: `refs/heads/b${i % 8}`, repository: i % 2 === 0 ? shop : bobs })
    }
    const limits = { slots: 5, perOwner: 3, redispatchMs: 60_000 }
    const jobs = (await atOnce(8, (one) => one.builds.admit(limits, 1))).flat()
    assert.equal(jobs.length, 5)
    assert.equal(new Set(jobs.map(({ buildId }) => buildId)).size, 5)
    const builds = await store.builds.list(null, {}, firstPage)
    const chosen = builds.filter(({ id }) => jobs.some(({ buildId }) => buildId === id))
    assert.equal(new Set(chosen.map(({ repositoryId, ref }) => `${repositoryId} ${ref}`)).size, 5)
    for (const ownerId of new Set(chosen.map((build) => build.ownerId))) {
      assert.ok(chosen.filter((build) => build.ownerId === ownerId).length <= 3)
    }
  })
}
