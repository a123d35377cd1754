import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultRetryPolicy } from '@slipway/domain'
import { specOf } from '@slipway/testing'
import { deploying, forgeRepository, live, shop, twoStores, wanted } from './scene.ts'
import { failure, firstPage, type Subject } from './subject.ts'

const blog = forgeRepository('alice/blog', 8, 1)

export function functionsContract({ name, database }: Subject): void {
  test(`${name}: of two repositories of an owner the first keeps a function's name`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello'])
    const second = await deploying(store, '2', ['hello', 'other'], blog)
    const { ownerId } = claim.build
    assert.deepEqual(await store.functions.conflicts(ownerId, second.repository.id, ['hello', 'other']), [
      { name: 'hello', holder: 'repository alice/shop' }
    ])
    assert.deepEqual(await store.functions.conflicts(ownerId, claim.repository.id, ['hello']), [])
    assert.deepEqual(await store.functions.conflicts(ownerId, claim.repository.id, []), [])
    const asked = [wanted(second, 'other'), wanted(second, 'hello')]
    await assert.rejects(
      store.deployments.prepare(second.build.id, 'd', asked, 3),
      failure('name-taken', /"hello".*alice\/shop/)
    )
    assert.equal(await store.functions.get(ownerId, 'other'), null, 'all of it or nothing')
  })

  test(`${name}: a name that is being rolled out for the first time is taken already`, async (t) => {
    const store = await (await database(t)).open()
    const first = await deploying(store, '1', ['hello'])
    const [starting] = await store.deployments.prepare(first.build.id, 'd', [wanted(first, 'hello')], 1)
    const second = await deploying(store, '2', ['hello'], blog)
    const asked = [wanted(second, 'hello')]
    await assert.rejects(store.deployments.prepare(second.build.id, 'd', asked, 2), failure('name-taken'))
    await store.deployments.end(starting?.id ?? '', 'failed', 'no', 3)
    const [taken] = await store.deployments.prepare(second.build.id, 'd', asked, 4)
    assert.equal(taken?.repositoryId, second.repository.id)
  })

  test(`${name}: a removed function's name may go to another repository, whose generations begin anew`, async (t) => {
    const store = await (await database(t)).open()
    for (const commit of ['1', '2', '3']) await live(store, commit, ['hello'])
    const late = await deploying(store, '4', ['hello'])
    await store.deployments.prepare(late.build.id, 'd', [wanted(late, 'hello')], 1)
    const [made] = (await store.deployments.running()).filter(({ status }) => status === 'starting')
    await store.deployments.end(made?.id ?? '', 'ended', null, 2)
    await store.functions.remove(late.build.ownerId, 'hello', 5)
    await store.functions.remove(late.build.ownerId, 'hello', 6)
    assert.deepEqual(await store.functions.routes(), [])
    const removed = await store.functions.get(late.build.ownerId, 'hello')
    assert.deepEqual([removed?.liveDeploymentId, removed?.repositoryId], [null, late.repository.id])
    const { claim } = await live(store, '5', ['hello'], blog)
    const taken = await store.functions.get(claim.build.ownerId, 'hello')
    assert.deepEqual([taken?.repositoryId, taken?.generation], [claim.repository.id, 1])
    const change = { deploymentIds: [], keep: [], finish: true, pause: false }
    const result = await store.deployments.switchLive(late.build.id, 'd', change, 9)
    assert.deepEqual(result.pruned, [], 'the former repository prunes it no more')
    await assert.rejects(store.functions.remove(claim.build.ownerId, 'nothing', 9), failure('not-found'))
  })

  test(`${name}: owner "a" with "b-c" and owner "a-b" with "c" never meet: the second is refused, naming the first`, async (t) => {
    const { open } = await database(t)
    const store = await open()
    const first = await live(store, '1', ['b-c'], forgeRepository('a/one', 11, 11))
    const second = await deploying(store, '2', ['c'], forgeRepository('a-b/two', 12, 12))
    assert.deepEqual(await store.functions.conflicts(second.build.ownerId, second.repository.id, ['c']), [
      { name: 'c', holder: 'function "b-c" of owner "a"' }
    ])
    await assert.rejects(
      store.deployments.prepare(second.build.id, 'd', [wanted(second, 'c')], 3),
      failure('name-taken', /"b-c" of owner "a"/)
    )
    assert.equal((await store.functions.routes())[0]?.ownerSlug, 'a')
    assert.equal(first.deployments[0]?.clusterName, 'a-b-c')
  })

  test(`${name}: two that claim one cluster name at the same time do not both get it`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const claims = [
      await deploying(store, '1', ['b-c'], forgeRepository('a/one', 11, 11)),
      await deploying(store, '2', ['c'], forgeRepository('a-b/two', 12, 12))
    ]
    const outcomes = await atOnce(2, async (one, i) => {
      const claim = claims[i]
      assert.ok(claim)
      const asked = [wanted(claim, i === 0 ? 'b-c' : 'c')]
      return one.deployments.prepare(claim.build.id, 'd', asked, 3).then(
        () => 'taken',
        (err: unknown) => (failure('name-taken')(err) ? 'refused' : err)
      )
    })
    assert.deepEqual(new Set(outcomes), new Set(['taken', 'refused']))
  })

  test(`${name}: an owner's new slug takes effect with the next roll-out, and the old name is kept while it runs`, async (t) => {
    const store = await (await database(t)).open()
    const first = await live(store, '1', ['hello'])
    const { ownerId } = first.claim.build
    await store.owners.setSlug(ownerId, 'wonderland')
    assert.equal((await store.functions.routes())[0]?.clusterName, 'alice-hello')
    await live(store, '2', ['hello'])
    assert.deepEqual(
      (await store.functions.routes()).map(({ ownerSlug, clusterName }) => [ownerSlug, clusterName]),
      [['wonderland', 'wonderland-hello']]
    )
    const namesake = forgeRepository('alice/shop', 70, 70)
    const other = await deploying(store, '3', ['hello'], namesake)
    const asked = [wanted(other, 'hello')]
    await assert.rejects(
      store.deployments.prepare(other.build.id, 'd', asked, 3),
      failure('name-taken', /"hello" of owner "alice"/),
      'the former version still drains under it'
    )
    await store.deployments.end(first.deployments[0]?.id ?? '', 'ended', null, 4)
    assert.equal((await store.deployments.prepare(other.build.id, 'd', asked, 5)).length, 1)
  })

  test(`${name}: gateways get what is live, and a version that changes with it`, async (t) => {
    const store = await (await database(t)).open()
    const versions = [await store.functions.routesVersion()]
    const claim = await deploying(store, '1', ['hello'])
    const spec = specOf('hello', { writeTimeoutMs: 5000 })
    const annotations = { 'com.openfaas.retry.attempts': '3' }
    const [made] = await store.deployments.prepare(
      claim.build.id,
      'd',
      [wanted(claim, 'hello', { spec, annotations, labels: { 'com.openfaas.scale.zero': 'true' } })],
      1
    )
    const id = made?.id ?? ''
    await store.deployments.setEndpoints(id, [{ host: '10.0.0.1', port: 8080 }], 1)
    assert.equal(await store.functions.routesVersion(), versions[0], 'nothing is live yet')
    const change = { deploymentIds: [id], keep: ['hello'], finish: true, pause: false }
    await store.deployments.switchLive(claim.build.id, 'd', change, 2)
    versions.push(await store.functions.routesVersion())
    assert.deepEqual(await store.functions.routes(), [
      {
        ownerId: claim.build.ownerId,
        ownerSlug: 'alice',
        functionName: 'hello',
        clusterName: 'alice-hello',
        deploymentId: id,
        generation: 1,
        endpoints: [{ host: '10.0.0.1', port: 8080 }],
        writeTimeoutMs: 5000,
        access: 'public',
        callsPerSecond: null,
        retry: { ...defaultRetryPolicy, attempts: 3 },
        startsOnCall: true
      }
    ])
    const endpoints = [1, 2].map((n) => ({ host: `10.0.0.${n}`, port: 8080 }))
    await store.deployments.setEndpoints(id, endpoints, 2)
    versions.push(await store.functions.routesVersion())
    assert.deepEqual((await store.functions.routes())[0]?.endpoints, endpoints)
    await store.functions.remove(claim.build.ownerId, 'hello', 3)
    versions.push(await store.functions.routesVersion())
    assert.equal((await store.deployments.get(id))?.status, 'draining')
    assert.ok(
      versions.every((version, i) => i === 0 || version > (versions[i - 1] ?? version)),
      'each change made it higher'
    )
  })

  test(`${name}: functions are listed by owner and repository, in the order of their names`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['zoo', 'ant'])
    await live(store, '2', ['bee'], blog)
    await live(store, '3', ['cat'], forgeRepository('bob/blog', 9, 2))
    const { ownerId } = claim.build
    const names = async (...args: Parameters<typeof store.functions.list>) =>
      (await store.functions.list(...args)).map((fn) => fn.clusterName)
    assert.deepEqual(await names(ownerId, {}, firstPage), ['alice-ant', 'alice-bee', 'alice-zoo'])
    assert.deepEqual(await names(ownerId, { repositoryId: claim.repository.id }, firstPage), ['alice-ant', 'alice-zoo'])
    assert.deepEqual(await names(null, {}, { before: 'alice-bee', limit: 2 }), ['alice-zoo', 'bob-cat'])
    assert.equal(await store.functions.get('other', 'ant'), null)
    await assert.rejects(store.functions.pause('other', 'ant', 1), failure('not-found'))
    assert.equal((await store.functions.pause(ownerId, 'ant', 9)).updatedAt, 9)
    assert.equal((await store.functions.get(ownerId, 'ant'))?.isPaused, true)
    await store.functions.resume(ownerId, 'ant', 'alice', 10)
    assert.equal((await live(store, '4', ['zoo', 'ant'], shop)).deployments.length, 2)
  })
}
