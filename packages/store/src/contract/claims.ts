import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admitted, claimed, deploying, forgeRepository, queued, shop, twoStores } from './scene.ts'
import { ample, commitOf, firstPage, type Subject } from './subject.ts'

export function claimsContract({ name, database }: Subject): void {
  test(`${name}: a claim brings all that a worker needs, and the repository's next generation`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await queued(store, '1')
    const claim = await claimed(store, id, 'w', 5)
    assert.deepEqual(
      [claim.build.status, claim.build.generation, claim.build.startedAt, claim.ownerSlug, claim.repository.fullName],
      ['building', 1, 5, 'alice', 'alice/shop']
    )
    assert.equal(claim.observation, null)
    const other = await queued(store, '1', { repository: forgeRepository('bob/blog', 8, 2) })
    assert.equal((await claimed(store, other.id)).build.generation, 1, 'generations count per repository')
    await store.builds.finish(id, 'w', { status: 'failed', reason: null }, 6)
    const next = await queued(store, '2')
    assert.equal((await claimed(store, next.id)).build.generation, 2)
  })

  test(`${name}: of many workers in two processes one gets the build`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const { id } = await queued(store, '1')
    const claims = await atOnce(8, (one, i) => one.builds.claim(id, `w${i}`, 1000, 1))
    assert.equal(claims.filter((claim) => claim !== null).length, 1)
    assert.equal((await store.builds.get(id))?.generation, 1)
  })

  test(`${name}: a claim lasts as long as its lease is renewed, then another worker has the build`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await queued(store, '1')
    await claimed(store, id, 'w1', 0, 100)
    assert.deepEqual(await store.builds.renew(id, 'w1', 100, 90), { isHeld: true, isCancelled: false })
    assert.equal(await store.builds.claim(id, 'w2', 100, 189), null)
    const again = await claimed(store, id, 'w2', 190, 100)
    assert.deepEqual([again.build.generation, again.build.attempt], [2, 0], 'a killed worker counts no attempt')
    assert.deepEqual(await store.builds.renew(id, 'w1', 100, 191), { isHeld: false, isCancelled: false })
    assert.equal(await store.builds.claim(id, 'w1', 100, 191), null)
  })

  test(`${name}: after the clock was set back, what a dead worker held or waited for is taken up at once`, async (t) => {
    const store = await (await database(t)).open()
    const hour = 3600_000
    const dead = await queued(store, '1', {}, 3 * hour)
    await claimed(store, dead.id, 'dead', 3 * hour, 1000)
    assert.deepEqual(await admitted(store, ample, hour), [dead.id], 'it is dispatched again')
    await claimed(store, dead.id, 'next', hour, 1000)
    await store.builds.retryLater(dead.id, 'next', 'the engine is away', 4 * hour)
    assert.deepEqual(await admitted(store, ample, hour), [dead.id], 'what was to be tried later')
    assert.equal(await store.settings.lease('deployer', 'dead', 1000, 3 * hour), true)
    assert.equal(await store.settings.lease('deployer', 'next', 1000, hour), true, 'there is a leader again')
  })

  test(`${name}: what has ended or is rolled out is not claimed for building, nor the other way round`, async (t) => {
    const store = await (await database(t)).open()
    const waiting = await queued(store, '1')
    assert.equal(await store.builds.claimDeploy(waiting.id, 'd', 1000, 0), null)
    await store.builds.requestCancel(waiting.id, 'alice', 1)
    assert.equal(await store.builds.claim(waiting.id, 'w', 1000, 2), null)
    const { build } = await deploying(store, '2', ['hello'])
    assert.equal(await store.builds.claim(build.id, 'w', 1000, 5000), null)
    assert.equal(await store.builds.claimDeploy(build.id, 'd2', 1000, 10), null, 'it is held')
    const again = await store.builds.claimDeploy(build.id, 'd2', 1000, 5000)
    assert.deepEqual([again?.build.generation, again?.observation], [build.generation, null], 'its generation stays')
    assert.equal(await store.builds.claim('nothing', 'w', 1000, 0), null)
  })

  test(`${name}: a job that was taken back does not start beside another build of its ref`, async (t) => {
    const store = await (await database(t)).open()
    const first = await queued(store, '1')
    const second = await queued(store, '2')
    await admitted(store)
    await store.builds.undispatch(first.id)
    await claimed(store, second.id)
    assert.equal(await store.builds.claim(first.id, 'w2', 1000, 1), null)
    await store.builds.finish(second.id, 'w', { status: 'failed', reason: null }, 2)
    await claimed(store, first.id, 'w2', 3)
  })

  test(`${name}: a build that waits for its time is not claimed by an old job`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await queued(store, '1')
    await claimed(store, id)
    await store.builds.retryLater(id, 'w', 'away', 100)
    assert.equal(await store.builds.claim(id, 'w', 1000, 99), null)
    await admitted(store, ample, 100)
    assert.ok(await store.builds.claim(id, 'w', 1000, 99), 'once it is dispatched the clocks of others do not count')
  })

  test(`${name}: a build that was claimed ten times without an end is an error at the eleventh`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await queued(store, '1')
    for (let i = 0; i < 10; i++) await claimed(store, id, `w${i}`, i * 100, 100)
    assert.equal(await store.builds.claim(id, 'w10', 100, 1000), null)
    const build = await store.builds.get(id)
    assert.deepEqual([build?.status, build?.finishedAt], ['error', 1000])
    assert.match(build?.reason ?? '', /10 times/)
  })

  test(`${name}: a build that is tried again and again is never taken for one that kills its workers`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await queued(store, '1')
    for (let i = 0; i < 15; i++) {
      await claimed(store, id, `w${i}`, i * 100)
      await store.builds.retryLater(id, `w${i}`, 'the registry is away', i * 100 + 1)
      await admitted(store, ample, i * 100 + 50)
    }
    const build = await store.builds.get(id)
    assert.deepEqual([build?.status, build?.attempt], ['queued', 15])
  })

  test(`${name}: a build that stopping workers give back is never taken for one that kills them`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await queued(store, '1')
    for (let i = 0; i < 30; i++) {
      const claim = await claimed(store, id, `w${i}`, i)
      assert.equal(claim.build.attempt, 0)
      await store.builds.giveBack(id, `w${i}`, i)
      assert.equal((await store.builds.get(id))?.status, 'queued')
    }
  })

  test(`${name}: the claim after an observation tells of it, and how its build ended since`, async (t) => {
    const store = await (await database(t)).open()
    const first = await queued(store, '1')
    await claimed(store, first.id)
    await store.builds.observe(first.id, 'w', 1)
    await store.builds.finish(first.id, 'w', { status: 'failed', reason: null }, 2)
    const second = await queued(store, '2')
    assert.deepEqual((await claimed(store, second.id)).observation, {
      commit: commitOf('1'),
      generation: 1,
      buildId: first.id,
      buildStatus: 'failed'
    })
    const elsewhere = await queued(store, '3', { ref: 'refs/heads/other' })
    assert.equal((await claimed(store, elsewhere.id)).observation, null, 'another ref was never seen')
  })

  test(`${name}: a stopped repository's build ends when it is claimed`, async (t) => {
    const store = await (await database(t)).open()
    const { id, repositoryId } = await queued(store, '1')
    await admitted(store)
    await store.repositories.disconnect(repositoryId, 1)
    assert.equal(await store.builds.claim(id, 'w', 1000, 2), null)
    assert.equal((await store.builds.get(id))?.status, 'cancelled')
  })

  test(`${name}: builds of one commit of a ref that wait are one, and a rebuild makes it a rebuild`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const { id: repositoryId } = await store.repositories.connect('github', shop, 0)
    const build = { repositoryId, ref: 'refs/heads/main', commit: commitOf('1'), before: null, message: null }
    const asked = await atOnce(8, (one) =>
      one.builds.queue({ ...build, trigger: 'head', sender: null, noCache: false }, 1)
    )
    assert.equal(new Set(asked.map(({ id }) => id)).size, 1)
    const rebuild = await store.builds.queue({ ...build, trigger: 'rebuild', sender: 'bob', noCache: true }, 2)
    assert.deepEqual([rebuild.id, rebuild.trigger, rebuild.noCache], [asked[0]?.id, 'rebuild', true])
    const after = await store.builds.queue({ ...build, trigger: 'head', sender: null, noCache: false }, 3)
    assert.deepEqual([after.id, after.trigger, after.noCache], [rebuild.id, 'rebuild', true])
    assert.equal((await store.builds.list(null, {}, firstPage)).length, 1)
    await assert.rejects(
      store.builds.queue({ ...build, repositoryId: 'nothing', trigger: 'head', sender: null, noCache: false }, 3),
      { code: 'not-found' }
    )
  })
}
