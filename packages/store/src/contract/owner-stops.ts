import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admitted, claimed, delivery, deploying, forgeRepository, live, push, queued, shop } from './scene.ts'
import { ample, commitOf, failure, firstPage, type Subject } from './subject.ts'

const a = commitOf('a')
const b = commitOf('b')
const ref = 'refs/heads/main'
const unlisted = /not on the allow list/
const suspended = /suspended the owner: the bill/

export function ownerStopsContract({ name, database }: Subject): void {
  test(`${name}: without an allow list everybody is listed; a list is kept and followed, whatever the case`, async (t) => {
    const { open } = await database(t)
    const store = await open()
    const { ownerId } = await store.repositories.connect('github', forgeRepository('Alice/shop', 7), 1)
    assert.equal(await store.owners.allowList(), null)
    assert.deepEqual(
      (await store.owners.setAllowList(['bob'])).map(({ login, isListed }) => [login, isListed]),
      [['Alice', false]]
    )
    assert.deepEqual(await store.owners.setAllowList(['BOB']), [])
    const after = await open()
    assert.deepEqual(await after.owners.allowList(), ['bob'])
    assert.equal((await after.owners.get(ownerId ?? ''))?.isListed, false)
    const { ownerId: bobs } = await after.repositories.connect('github', forgeRepository('Bob/blog', 8, 2), 1)
    assert.equal((await after.owners.get(bobs ?? ''))?.isListed, true)
    assert.equal((await after.owners.add('carol', 1)).isListed, true, 'an administrator made this one')
    assert.deepEqual(
      (await after.owners.setAllowList(null)).map(({ login }) => login),
      ['Alice']
    )
    assert.equal(await store.owners.allowList(), null)
  })

  test(`${name}: an owner that is called otherwise is on the list by its new name`, async (t) => {
    const store = await (await database(t)).open()
    await store.owners.setAllowList(['alice'])
    const { ownerId } = await store.repositories.connect('github', shop, 1)
    const isListed = async () => (await store.owners.get(ownerId ?? ''))?.isListed
    assert.equal(await isListed(), true)
    await store.owners.rename(ownerId ?? '', 'alicia')
    assert.equal(await isListed(), false)
    await store.repositories.connect('github', shop, 1)
    assert.equal(await isListed(), true)
  })

  test(`${name}: of an owner that is not listed a push leaves nothing but its delivery`, async (t) => {
    const store = await (await database(t)).open()
    await store.owners.setAllowList(['bob'])
    const group = { ...forgeRepository('group/sub/site', 9, null), owner: null }
    const answers = await store.deliveries.record(
      [
        delivery('1', push(a)),
        delivery('2', push(a, { repository: group }), 'gitlab'),
        delivery('3', push(a, { repository: forgeRepository('BOB/blog', 8, 2) }))
      ],
      null,
      5
    )
    assert.deepEqual(
      answers.map(({ outcome }) => outcome),
      ['ignored', 'ignored', 'queued']
    )
    for (const { reason, buildId } of answers.slice(0, 2)) {
      assert.match(reason ?? '', unlisted)
      assert.equal(buildId, null)
    }
    assert.deepEqual(
      (await store.owners.list(firstPage)).map(({ login }) => login),
      ['BOB']
    )
    assert.equal((await store.repositories.list(null, firstPage)).length, 1)
    assert.equal((await store.deliveries.list(null, firstPage)).length, 3)
  })

  test(`${name}: a known owner that leaves the list is not built, keeps what it has, and goes on when it is back`, async (t) => {
    const store = await (await database(t)).open()
    const { claim, deployments } = await live(store, '0', ['hello'])
    const { repositoryId, ownerId } = claim.build
    const waiting = await queued(store, '', { commit: a }, 1)
    await store.owners.setAllowList([])
    const [answer] = await store.deliveries.record([delivery('1', push(b))], null, 5)
    assert.deepEqual([answer?.outcome, answer?.buildId], ['ignored', null])
    assert.deepEqual(await admitted(store), [])
    const ended = await store.builds.get(waiting.id)
    assert.equal(ended?.status, 'cancelled')
    assert.match(ended?.reason ?? '', unlisted)
    assert.equal((await store.functions.get(ownerId, 'hello'))?.liveDeploymentId, deployments[0]?.id)
    assert.equal(await store.heads.settle(repositoryId, ref, b, 60_000), null)
    await store.owners.setAllowList(['alice'])
    assert.equal((await store.heads.settle(repositoryId, ref, b, 60_000))?.commit, b)
  })

  test(`${name}: events other than pushes, and branches that are gone, are never held back by the list`, async (t) => {
    const store = await (await database(t)).open()
    const { id, repositoryId } = await queued(store, '0')
    await claimed(store, id)
    await store.builds.observe(id, 'w', 1)
    await store.owners.setAllowList([])
    const event = {
      kind: 'repository-changed',
      action: 'deleted',
      forgeRepositoryId: shop.forgeRepositoryId,
      installationId: null
    } as const
    assert.equal((await store.deliveries.record([delivery('1', event)], null, 5))[0]?.outcome, 'accepted')
    assert.equal((await store.deliveries.due(5, 10)).length, 1)
    await store.heads.settle(repositoryId, ref, null, 5)
    assert.equal((await store.removals.due(10, 10)).length, 1)
  })

  test(`${name}: of a suspended owner a push makes a build that says why it ended, and is built afterwards`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '0', ['hello'])
    const { repositoryId, ownerId } = claim.build
    const owner = await store.owners.setSuspension(ownerId, { at: 3, reason: 'the bill' })
    assert.deepEqual(owner.suspension, { at: 3, reason: 'the bill' })
    const [answer] = await store.deliveries.record([delivery('1', push(a))], null, 5)
    assert.equal(answer?.outcome, 'skipped')
    assert.match(answer?.reason ?? '', suspended)
    const build = await store.builds.get(answer?.buildId ?? '')
    assert.equal(build?.status, 'cancelled')
    assert.match(build?.reason ?? '', suspended)
    assert.notEqual(build?.finishedAt, null)
    assert.equal(await store.heads.settle(repositoryId, ref, a, 60_000), null)
    assert.equal((await store.owners.setSuspension(ownerId, null)).suspension, null)
    assert.equal((await store.heads.settle(repositoryId, ref, a, 60_000))?.commit, a)
    await assert.rejects(store.owners.setSuspension('nobody', null), failure('not-found'))
  })

  test(`${name}: whatever asks for a build or a deploy of a suspended owner is refused with the reason`, async (t) => {
    const store = await (await database(t)).open()
    const first = await live(store, '0', ['hello'])
    const second = await live(store, '1', ['hello'], shop, 10)
    const { ownerId, repositoryId } = second.claim.build
    const refused = failure('conflict', suspended)
    await store.owners.setSuspension(ownerId, { at: 3, reason: 'the bill' })
    await assert.rejects(queued(store, '2'), refused)
    await assert.rejects(queued(store, '2', { trigger: 'rebuild' }), refused)
    await assert.rejects(store.builds.queueRollback(first.deployments[0]?.id ?? '', 'ann', 20), refused)
    const redeploy = { repositoryId, functions: ['hello'], trigger: 'redeploy' as const, by: 'ann', message: 'again' }
    await assert.rejects(store.builds.queueRedeploy(redeploy, 20), refused)
    const upload = { ownerId, name: 'folder', commit: a, sender: null, message: null }
    await assert.rejects(store.builds.queueUpload(upload, 20), refused)
    assert.equal((await store.repositories.list(null, firstPage)).length, 1)
    await store.owners.setSuspension(ownerId, null)
    assert.equal((await store.builds.queueUpload(upload, 20)).build.status, 'queued')
  })

  test(`${name}: what waited, and what was built when its owner was suspended, ends with the reason; others go on`, async (t) => {
    const store = await (await database(t)).open()
    const blog = await queued(store, '1', { repository: forgeRepository('bob/blog', 8, 2) })
    const waiting = await queued(store, '2')
    await store.owners.setSuspension(waiting.ownerId ?? '', { at: 3, reason: 'the bill' })
    assert.deepEqual(await admitted(store, ample, 5), [blog.id])
    assert.match((await store.builds.get(waiting.id))?.reason ?? '', suspended)

    await store.owners.setSuspension(waiting.ownerId ?? '', null)
    const { build } = await deploying(store, '3', ['hello'], shop, 10)
    await store.builds.giveBack(build.id, 'd', 11)
    await store.owners.setSuspension(waiting.ownerId ?? '', { at: 12, reason: 'the bill' })
    assert.equal(await store.builds.claimDeploy(build.id, 'e', 1000, 13), null)
    const ended = await store.builds.get(build.id)
    assert.equal(ended?.status, 'cancelled')
    assert.match(ended?.reason ?? '', suspended)
    const { build: others } = await claimed(store, blog.id, 'w', 14)
    assert.equal(others.status, 'building')
  })
}
