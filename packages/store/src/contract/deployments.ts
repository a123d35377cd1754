import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageOf, specOf } from '@slipway/testing'
import { deploying, forgeRepository, live, queued, shop, wanted } from './scene.ts'
import { commitOf, failure, firstPage, type Subject } from './subject.ts'

export function deploymentsContract({ name, database }: Subject): void {
  test(`${name}: a roll-out that is prepared again after a crash gets the same deployments`, async (t) => {
    const store = await (await database(t)).open()
    const claim = await deploying(store, '1', ['hello', 'world'])
    const asked = ['world', 'hello'].map((one) => wanted(claim, one))
    const first = await store.deployments.prepare(claim.build.id, 'd', asked, 5)
    assert.deepEqual(
      first.map(({ functionName, status, clusterName, generation }) => [functionName, status, clusterName, generation]),
      [
        ['world', 'starting', 'alice-world', 1],
        ['hello', 'starting', 'alice-hello', 1]
      ]
    )
    assert.deepEqual([first[0]?.spec, first[0]?.image], [specOf('world'), imageOf('world')])
    assert.deepEqual([first[0]?.labels, first[0]?.commit, first[0]?.createdAt], [{ a: 'b' }, commitOf('1'), 5])
    assert.deepEqual(await store.deployments.prepare(claim.build.id, 'd', asked, 6), first)
    const parts = await store.builds.functions(claim.build.id)
    assert.deepEqual(
      parts.map((part) => [part.name, part.status, part.deploymentId]),
      [
        ['hello', 'deploying', first[1]?.id],
        ['world', 'deploying', first[0]?.id]
      ]
    )
    await assert.rejects(store.deployments.prepare(claim.build.id, 'other', asked, 7), failure('lease-lost'))
    assert.equal((await store.deployments.running()).length, 2)
  })

  test(`${name}: a deployment that failed is not used again by the next try`, async (t) => {
    const store = await (await database(t)).open()
    const claim = await deploying(store, '1', ['hello'])
    const [first] = await store.deployments.prepare(claim.build.id, 'd', [wanted(claim, 'hello')], 5)
    await store.deployments.end(first?.id ?? '', 'failed', 'never ready', 6)
    const [second] = await store.deployments.prepare(claim.build.id, 'd', [wanted(claim, 'hello')], 7)
    assert.notEqual(second?.id, first?.id)
    const failed = await store.deployments.get(first?.id ?? '')
    assert.deepEqual([failed?.status, failed?.reason, failed?.endedAt], ['failed', 'never ready', 6])
  })

  test(`${name}: a switch makes a deployment live, and drains the former one`, async (t) => {
    const store = await (await database(t)).open()
    const first = await live(store, '1', ['hello'], shop, 1)
    const claim = await deploying(store, '2', ['hello'], shop, 2)
    const [next] = await store.deployments.prepare(claim.build.id, 'd', [wanted(claim, 'hello')], 3)
    const result = await store.deployments.switchLive(
      claim.build.id,
      'd',
      { deploymentIds: [next?.id ?? ''], keep: ['hello'], finish: true, pause: false },
      4
    )
    assert.equal(result.isSwitched, true)
    assert.deepEqual(
      result.drained.map(({ id, status }) => [id, status]),
      [[first.deployments[0]?.id, 'draining']]
    )
    const now = await store.deployments.get(next?.id ?? '')
    assert.deepEqual([now?.status, now?.liveAt], ['live', 4])
    const build = await store.builds.get(claim.build.id)
    assert.deepEqual([build?.status, build?.finishedAt], ['live', 4])
    assert.equal((await store.builds.functions(claim.build.id))[0]?.status, 'live')
    const fn = await store.functions.get(claim.build.ownerId, 'hello')
    assert.deepEqual([fn?.liveDeploymentId, fn?.generation], [next?.id, 2])
    await store.deployments.end(first.deployments[0]?.id ?? '', 'ended', null, 5)
    assert.deepEqual(
      (await store.deployments.running()).map(({ id }) => id),
      [next?.id]
    )
  })

  test(`${name}: an older build never follows a newer one, and a refused switch changes nothing`, async (t) => {
    const store = await (await database(t)).open()
    const old = await deploying(store, '1', ['hello', 'other'])
    const [late, other] = await store.deployments.prepare(
      old.build.id,
      'd',
      [wanted(old, 'hello'), wanted(old, 'other')],
      1
    )
    const newer = await queued(store, '2', { ref: 'refs/heads/x' })
    await store.builds.claim(newer.id, 'w', 1000, 2)
    await store.builds.plan(newer.id, 'w', [{ name: 'hello', spec: specOf('hello') }], [])
    await store.builds.handOver(newer.id, 'w', 2)
    const claim = await store.builds.claimDeploy(newer.id, 'd2', 1000, 2)
    assert.ok(claim)
    const [now] = await store.deployments.prepare(newer.id, 'd2', [wanted(claim, 'hello')], 2)
    const change = { keep: null, finish: true, pause: false }
    const first = await store.deployments.switchLive(newer.id, 'd2', { ...change, deploymentIds: [now?.id ?? ''] }, 3)
    assert.equal(first.isSwitched, true)
    const version = await store.functions.routesVersion()
    const refused = await store.deployments.switchLive(
      old.build.id,
      'd',
      { ...change, deploymentIds: [other?.id ?? '', late?.id ?? ''] },
      4
    )
    assert.deepEqual(refused, { isSwitched: false, passedOver: [], drained: [], pruned: [] })
    assert.equal((await store.builds.get(old.build.id))?.status, 'deploying')
    assert.equal((await store.functions.get(claim.build.ownerId, 'other'))?.liveDeploymentId, null)
    assert.equal((await store.functions.get(claim.build.ownerId, 'hello'))?.liveDeploymentId, now?.id)
    assert.equal(await store.functions.routesVersion(), version)
  })

  test(`${name}: without the lease, or with a deployment that was ended, nothing is switched`, async (t) => {
    const store = await (await database(t)).open()
    const claim = await deploying(store, '1', ['hello'])
    const [made] = await store.deployments.prepare(claim.build.id, 'd', [wanted(claim, 'hello')], 1)
    const change = { deploymentIds: [made?.id ?? ''], keep: null, finish: true, pause: false }
    const refused = { isSwitched: false, passedOver: [], drained: [], pruned: [] }
    await assert.rejects(store.deployments.switchLive(claim.build.id, 'other', change, 2), { code: 'lease-lost' })
    const strange = { ...change, deploymentIds: [made?.id ?? '', 'nothing'] }
    assert.deepEqual(await store.deployments.switchLive(claim.build.id, 'd', strange, 2), refused)
    await store.deployments.end(made?.id ?? '', 'ended', null, 2)
    assert.deepEqual(await store.deployments.switchLive(claim.build.id, 'd', change, 3), refused)
  })

  test(`${name}: a switch that is repeated after a crash switches nothing twice`, async (t) => {
    const store = await (await database(t)).open()
    const claim = await deploying(store, '1', ['hello', 'world'])
    const asked = [wanted(claim, 'hello'), wanted(claim, 'world')]
    const [hello, world] = await store.deployments.prepare(claim.build.id, 'd', asked, 1)
    const part = { deploymentIds: [hello?.id ?? ''], keep: null, finish: false, pause: false }
    assert.equal((await store.deployments.switchLive(claim.build.id, 'd', part, 2)).isSwitched, true)
    assert.equal((await store.builds.get(claim.build.id))?.status, 'deploying')
    const again = await store.deployments.prepare(claim.build.id, 'd', asked, 3)
    assert.deepEqual(
      again.map(({ id }) => id),
      [hello?.id, world?.id]
    )
    const whole = { deploymentIds: again.map(({ id }) => id), keep: null, finish: true, pause: false }
    const result = await store.deployments.switchLive(claim.build.id, 'd', whole, 4)
    assert.deepEqual([result.isSwitched, result.drained], [true, []])
    assert.equal((await store.deployments.get(hello?.id ?? ''))?.liveAt, 2)
  })

  test(`${name}: functions that left the stack are pruned, but no paused ones, none of API and no other repository's`, async (t) => {
    const { open, run } = await database(t)
    const store = await open()
    const neighbour = forgeRepository('alice/blog', 8, 1)
    await live(store, '0', ['blog'], neighbour)
    const first = await live(store, '1', ['stays', 'leaves', 'paused', 'by-api'])
    const ownerId = first.claim.build.ownerId
    await store.functions.pause(ownerId, 'paused', 2)
    await run(`update deployments set source = 'api' where function_name = 'by-api'`)
    const claim = await deploying(store, '2', ['stays'], shop, 3)
    const [stays] = await store.deployments.prepare(claim.build.id, 'd', [wanted(claim, 'stays')], 3)
    const change = { deploymentIds: [stays?.id ?? ''], keep: ['stays'], finish: true, pause: false }
    const result = await store.deployments.switchLive(claim.build.id, 'd', change, 4)
    assert.deepEqual(result.pruned, ['leaves'])
    assert.deepEqual(result.drained.map(({ functionName }) => functionName).sort(), ['leaves', 'stays'])
    assert.deepEqual((await store.functions.routes()).map(({ functionName }) => functionName).sort(), [
      'blog',
      'by-api',
      'paused',
      'stays'
    ])
    const removed = (await store.builds.functions(claim.build.id)).find((part) => part.name === 'leaves')
    assert.equal(removed?.status, 'removed')
    const row = await store.functions.get(ownerId, 'leaves')
    assert.deepEqual([row?.liveDeploymentId, row?.generation], [null, 2], 'no older build brings it back')
  })

  test(`${name}: a stack without functions prunes all of its repository`, async (t) => {
    const store = await (await database(t)).open()
    await live(store, '1', ['hello', 'world'])
    const { claim } = await live(store, '2', [])
    assert.deepEqual(await store.functions.routes(), [])
    assert.deepEqual(
      (await store.builds.functions(claim.build.id)).map((part) => [part.name, part.status]),
      [
        ['hello', 'removed'],
        ['world', 'removed']
      ]
    )
  })

  test(`${name}: a repository that moved to another owner leaves nothing behind under the former one`, async (t) => {
    const store = await (await database(t)).open()
    await live(store, '1', ['hello'])
    const moved = forgeRepository('acme/shop', 7, 2)
    await live(store, '2', ['hello'], moved)
    assert.deepEqual(
      (await store.functions.routes()).map(({ clusterName }) => clusterName),
      ['acme-hello']
    )
  })

  test(`${name}: only what is not live can be ended, and ending twice is once`, async (t) => {
    const store = await (await database(t)).open()
    const { deployments } = await live(store, '1', ['hello'])
    const id = deployments[0]?.id ?? ''
    await assert.rejects(store.deployments.end(id, 'ended', null, 2), failure('invalid-transition'))
    await live(store, '2', ['hello'])
    await assert.rejects(store.deployments.end(id, 'failed', 'no', 3), failure('invalid-transition'))
    await store.deployments.end(id, 'ended', 'replaced', 3)
    await store.deployments.end(id, 'ended', 'again', 4)
    const ended = await store.deployments.get(id)
    assert.deepEqual([ended?.status, ended?.reason, ended?.endedAt, ended?.endpoints], ['ended', 'replaced', 3, []])
    await assert.rejects(store.deployments.end('nothing', 'ended', null, 3), failure('not-found'))
  })

  test(`${name}: deployments are listed by owner, function and status`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello', 'world'])
    await live(store, '2', ['hello', 'world'])
    const ownerId = claim.build.ownerId
    const names = async (...args: Parameters<typeof store.deployments.list>) =>
      (await store.deployments.list(...args)).map(({ functionName, generation }) => `${functionName}${generation}`)
    assert.deepEqual(await names(ownerId, { functionName: 'hello' }, firstPage), ['hello2', 'hello1'])
    assert.deepEqual((await names(null, { status: 'live' }, firstPage)).sort(), ['hello2', 'world2'])
    assert.deepEqual(await names('other', {}, firstPage), [])
    const [newest] = await store.deployments.list(ownerId, {}, { before: null, limit: 1 })
    assert.equal((await store.deployments.list(ownerId, {}, { before: newest?.id ?? '', limit: 9 })).length, 3)
  })
}
