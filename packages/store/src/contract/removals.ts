import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claimed, deploying, live, queued, shop, wanted } from './scene.ts'
import { commitOf, firstPage, type Subject } from './subject.ts'

const ref = 'refs/heads/main'

export function removalsContract({ name, database }: Subject): void {
  test(`${name}: what stays disconnected loses its own functions after the grace, with an entry in the audit log`, async (t) => {
    const { open, run } = await database(t)
    const store = await open()
    const { claim, deployments } = await live(store, '1', ['hello', 'other', 'byhand'])
    const { ownerId, repositoryId } = claim.build
    await run(`update deployments set source = 'api' where function_name = 'byhand'`)
    await store.functions.pause(ownerId, 'other', 1)
    await store.repositories.disconnect(repositoryId, 10)
    assert.deepEqual(await store.removals.due(9, 10), [])
    const [removal] = await store.removals.due(10, 10)
    assert.deepEqual([removal?.repository.id, removal?.ref, removal?.since], [repositoryId, null, 10])
    assert.ok(removal)
    const version = await store.functions.routesVersion()
    assert.deepEqual(await store.removals.remove(removal, 'it was deleted', 20), ['alice-hello', 'alice-other'])
    assert.deepEqual(
      (await store.functions.routes()).map(({ functionName }) => functionName),
      ['byhand']
    )
    assert.notEqual(await store.functions.routesVersion(), version)
    const states = await Promise.all(deployments.map(({ id }) => store.deployments.get(id)))
    assert.equal(states.filter((one) => one?.status === 'draining').length, 2)
    const [entry] = await store.audit.list(ownerId, firstPage)
    assert.deepEqual(
      [entry?.actor, entry?.action, entry?.resource, entry?.detail],
      [
        'slipway',
        'remove-functions',
        `repository/${repositoryId}`,
        { repository: 'alice/shop', reason: 'it was deleted', since: 10, functions: ['alice-hello', 'alice-other'] }
      ]
    )
    assert.deepEqual(await store.removals.due(100, 10), [], 'once')
    assert.equal(await store.removals.remove(removal, 'it was deleted', 21), null)
    assert.deepEqual(await store.repositories.ofForge('github', null, 10), [])
  })

  test(`${name}: a repository that is back within the grace keeps everything, whoever decides at that moment`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello'])
    const { repositoryId } = claim.build
    await store.repositories.disconnect(repositoryId, 10)
    const [removal] = await store.removals.due(10, 10)
    assert.ok(removal)
    await store.repositories.connect('github', shop, 11)
    assert.equal(await store.removals.remove(removal, 'it was deleted', 12), null)
    await store.repositories.disconnect(repositoryId, 13)
    assert.equal(await store.removals.remove(removal, 'it was deleted', 14), null, 'the grace began anew')
    assert.equal((await store.functions.routes()).length, 1)
    assert.deepEqual(await store.audit.list(null, firstPage), [])
  })

  test(`${name}: a suspended repository is never due`, async (t) => {
    const store = await (await database(t)).open()
    const repository = { ...shop, installationId: '3' }
    const { claim } = await live(store, '1', ['hello'], repository)
    await store.repositories.disconnect(claim.build.repositoryId, 10)
    const [removal] = await store.removals.due(10, 10)
    await store.repositories.setSuspended('github', '3', true, 11)
    assert.deepEqual(await store.removals.due(1000, 10), [])
    assert.ok(removal)
    assert.equal(await store.removals.remove(removal, 'it was deleted', 1001), null)
  })

  test(`${name}: a deleted branch takes its functions after the grace, and one that comes back is built anew`, async (t) => {
    const store = await (await database(t)).open()
    const build = await queued(store, '1')
    await claimed(store, build.id, 'w', 1)
    await store.builds.observe(build.id, 'w', 1)
    await store.builds.finish(build.id, 'w', { status: 'superseded', reason: null }, 1)
    await live(store, '2', ['hello'])
    const { repositoryId } = build
    assert.equal(await store.heads.settle(repositoryId, ref, null, 10), null)
    await store.heads.settle(repositoryId, ref, null, 15)
    assert.deepEqual(await store.removals.due(9, 10), [])
    const [removal] = await store.removals.due(10, 10)
    assert.deepEqual([removal?.ref, removal?.since], [ref, 10])
    assert.ok(removal)
    await store.heads.settle(repositoryId, ref, commitOf('1'), 16)
    assert.equal(await store.removals.remove(removal, 'the branch was deleted', 17), null, 'it is back')
    await store.heads.settle(repositoryId, ref, null, 20)
    const [second] = await store.removals.due(20, 10)
    assert.ok(second)
    assert.deepEqual(await store.removals.remove(second, 'the branch was deleted', 21), ['alice-hello'])
    assert.deepEqual(await store.functions.routes(), [])
    assert.equal((await store.repositories.get(repositoryId))?.removedAt, null)
    const again = await store.heads.settle(repositoryId, ref, commitOf('1'), 100_000)
    assert.equal(again?.commit, commitOf('1'), 'though the same commit was observed before')
  })

  test(`${name}: a branch that was never seen is not a deleted one, and one that is of no interest is forgotten`, async (t) => {
    const store = await (await database(t)).open()
    const build = await queued(store, '1')
    await store.heads.settle(build.repositoryId, 'refs/heads/never', null, 10)
    assert.deepEqual(await store.removals.due(1000, 10), [])
    await claimed(store, build.id, 'w', 1)
    await store.builds.observe(build.id, 'w', 1)
    await store.heads.settle(build.repositoryId, ref, null, 10)
    await store.removals.forget(build.repositoryId, ref)
    assert.deepEqual(await store.removals.due(1000, 10), [])
  })

  test(`${name}: nothing that is under way brings a removed function back`, async (t) => {
    const store = await (await database(t)).open()
    await live(store, '1', ['hello'])
    const late = await deploying(store, '2', ['hello'], shop, 5)
    const [next] = await store.deployments.prepare(late.build.id, 'd', [wanted(late, 'hello')], 6)
    await store.repositories.disconnect(late.build.repositoryId, 10)
    const [removal] = await store.removals.due(10, 10)
    assert.ok(removal)
    await store.removals.remove(removal, 'it was deleted', 20)
    const change = { deploymentIds: [next?.id ?? ''], keep: ['hello'], finish: true, pause: false }
    const result = await store.deployments.switchLive(late.build.id, 'd', change, 21).catch(() => null)
    assert.notEqual(result?.isSwitched, true)
    assert.deepEqual(await store.functions.routes(), [])
  })

  test(`${name}: who saw a repository, and its connection, is remembered until somebody else does`, async (t) => {
    const store = await (await database(t)).open()
    const seen = { identity: 'app/1', isConnectionSeen: true }
    const first = await store.repositories.connect('github', shop, 1, seen)
    assert.deepEqual([first.seenBy, first.connectionSeenBy, first.connectedAt], ['app/1', 'app/1', 1])
    const second = await store.repositories.connect('github', shop, 2, { identity: 'app/2', isConnectionSeen: false })
    assert.deepEqual([second.seenBy, second.connectionSeenBy, second.connectedAt], ['app/2', 'app/1', 1])
    const third = await store.repositories.connect('github', shop, 3)
    assert.deepEqual([third.seenBy, third.connectionSeenBy], ['app/2', 'app/1'])
  })
}
