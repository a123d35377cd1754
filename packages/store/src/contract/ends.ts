import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Build, BuildFunctionStatus } from '@slipway/domain'
import { specOf } from '@slipway/testing'
import { admitted, claimed, deploying, live, queued, wanted } from './scene.ts'
import { commitOf, failure, firstPage, type Subject } from './subject.ts'

export function endsContract({ name, database }: Subject): void {
  test(`${name}: a failure ends a build with its reason and place, and unfinished functions with it`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await queued(store, '1')
    await claimed(store, id)
    const states: BuildFunctionStatus[] = ['planned', 'building', 'built', 'failed', 'skipped', 'live']
    await store.builds.plan(
      id,
      'w',
      states.map((one) => ({ name: one, spec: specOf(one) })),
      []
    )
    for (const status of states) await store.builds.updateFunction(id, status, { status, reason: `was ${status}` })
    const location = { path: 'stack.yml', line: 3, column: 5 }
    assert.equal(await store.builds.failureCode(id), null)
    await store.builds.finish(
      id,
      'w',
      { status: 'failed', reason: 'stack.yml:3:5: no', code: 'invalid-stack', location },
      9
    )
    const build = await store.builds.get(id)
    assert.deepEqual([build?.status, build?.reason, build?.finishedAt], ['failed', 'stack.yml:3:5: no', 9])
    assert.deepEqual(await store.builds.failureLocation(id), location)
    assert.equal(await store.builds.failureCode(id), 'invalid-stack')
    assert.deepEqual(
      (await store.builds.functions(id)).map((part) => [part.name, part.status]),
      [
        ['planned', 'cancelled'],
        ['building', 'cancelled'],
        ['built', 'cancelled'],
        ['failed', 'failed'],
        ['skipped', 'skipped'],
        ['live', 'live']
      ]
    )
    await assert.rejects(store.builds.failureLocation('nothing'), failure('not-found'))
  })

  test(`${name}: only its worker ends a held build, anybody one that nobody holds, and nobody one that has ended`, async (t) => {
    const store = await (await database(t)).open()
    const { id } = await queued(store, '1')
    const end = { status: 'error', reason: 'given up' } as const
    await claimed(store, id, 'w', 0, 100)
    await assert.rejects(store.builds.finish(id, 'other', end, 1), failure('lease-lost'))
    await assert.rejects(store.builds.finish(id, null, end, 99), failure('lease-lost'))
    await store.builds.finish(id, null, end, 100)
    await assert.rejects(store.builds.finish(id, null, end, 101), failure('invalid-transition'))
    await assert.rejects(store.builds.finish(id, 'w', end, 101), failure('lease-lost'))
    const waiting = await queued(store, '2')
    await assert.rejects(store.builds.finish(waiting.id, null, { status: 'live', reason: null }, 1), {
      code: 'invalid-transition'
    })
    assert.equal((await store.builds.get(waiting.id))?.status, 'queued')
  })

  test(`${name}: a waiting build is cancelled at once, a running one by its worker`, async (t) => {
    const store = await (await database(t)).open()
    const waiting = await queued(store, '1')
    const cancelled = await store.builds.requestCancel(waiting.id, 'alice', 5)
    assert.deepEqual([cancelled.status, cancelled.reason, cancelled.finishedAt], ['cancelled', 'cancelled by alice', 5])
    await assert.rejects(store.builds.requestCancel(waiting.id, 'alice', 6), failure('conflict', /cancelled/))
    const running = await queued(store, '2')
    await claimed(store, running.id, 'w', 0, 100)
    const marked = await store.builds.requestCancel(running.id, 'alice', 7)
    assert.deepEqual([marked.status, marked.cancelRequestedAt], ['building', 7])
    await store.builds.requestCancel(running.id, 'bob', 8)
    assert.deepEqual(await store.builds.renew(running.id, 'w', 100, 9), { isHeld: true, isCancelled: true })
    await store.builds.finish(running.id, 'w', { status: 'cancelled', reason: 'cancelled by alice' }, 10)
    await assert.rejects(store.builds.requestCancel('nothing', 'alice', 6), failure('not-found'))
  })

  test(`${name}: a cancelled build ends although its worker stops, fails or dies before it hears of it`, async (t) => {
    const store = await (await database(t)).open()
    for (const [i, part] of (['stops', 'fails', 'dies', 'hands over'] as const).entries()) {
      const { id } = await queued(store, part)
      await claimed(store, id, 'w', 0, 100)
      await store.builds.requestCancel(id, 'alice', 50)
      if (part === 'stops') await store.builds.giveBack(id, 'w', 60)
      if (part === 'fails') await store.builds.retryLater(id, 'w', 'away', 900)
      if (part === 'dies') assert.equal(await store.builds.claim(id, 'w2', 100, 100 + i), null)
      if (part === 'hands over') {
        await assert.rejects(store.builds.handOver(id, 'w', 60), failure('cancelled', /by alice/))
        await store.builds.finish(id, 'w', { status: 'cancelled', reason: 'its worker does not know by whom' }, 70)
      }
      const build = await store.builds.get(id)
      assert.deepEqual([build?.status, build?.reason], ['cancelled', 'cancelled by alice'], part)
    }
  })

  test(`${name}: a roll-out that somebody cancelled does not go live any more, and changes nothing`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello', 'gone'])
    const next = await deploying(store, '2', ['hello'])
    const [made] = await store.deployments.prepare(next.build.id, 'd', [wanted(next, 'hello')], 1)
    const before = await store.functions.list(claim.build.ownerId, {}, firstPage)
    assert.equal((await store.builds.requestCancel(next.build.id, 'alice', 2)).status, 'deploying')
    const change = { deploymentIds: [made?.id ?? ''], keep: ['hello'], finish: true, pause: false }
    await assert.rejects(store.deployments.switchLive(next.build.id, 'd', change, 3), failure('cancelled', /by alice/))
    assert.deepEqual(await store.functions.list(claim.build.ownerId, {}, firstPage), before)
    assert.equal((await store.builds.get(next.build.id))?.status, 'deploying', 'its worker takes back what it started')
  })

  test(`${name}: a disconnected repository's builds stop: waiting ones at once, running ones by their workers`, async (t) => {
    const store = await (await database(t)).open()
    const running = await queued(store, '1')
    await claimed(store, running.id)
    const waiting = await queued(store, '2')
    await store.repositories.disconnect(running.repositoryId, 5)
    assert.equal((await store.builds.get(waiting.id))?.status, 'cancelled')
    assert.equal((await store.builds.renew(running.id, 'w', 1000, 6)).isCancelled, true)
  })

  test(`${name}: builds are listed by owner and by what they are, newest first and page by page`, async (t) => {
    const store = await (await database(t)).open()
    const builds: Build[] = []
    for (const i of [1, 2, 3, 4, 5]) builds.push(await queued(store, `${i}`, { ref: `refs/heads/b${i % 2}` }))
    const [first] = builds
    const idsOf = async (...args: Parameters<typeof store.builds.list>) =>
      (await store.builds.list(...args)).map(({ id }) => builds.findIndex((build) => build.id === id) + 1)
    assert.deepEqual(await idsOf(null, {}, firstPage), [5, 4, 3, 2, 1])
    assert.deepEqual(await idsOf(null, {}, { before: builds[3]?.id ?? '', limit: 2 }), [3, 2])
    assert.deepEqual(await idsOf(first?.ownerId ?? '', { ref: 'refs/heads/b0' }, firstPage), [4, 2])
    assert.deepEqual(await idsOf(null, { commit: commitOf('3') }, firstPage), [3])
    assert.deepEqual(await idsOf(null, { repositoryId: 'other' }, firstPage), [])
    assert.deepEqual(await idsOf('other', {}, firstPage), [])
    await claimed(store, builds[1]?.id ?? '')
    assert.deepEqual(await idsOf(null, { status: 'building', repositoryId: first?.repositoryId }, firstPage), [2])
    assert.equal(await store.builds.get('nothing'), null)
  })

  test(`${name}: what has not ended is counted`, async (t) => {
    const store = await (await database(t)).open()
    await deploying(store, '1', ['hello'])
    await queued(store, '2')
    const running = await queued(store, '3', { ref: 'refs/heads/other' })
    await claimed(store, running.id)
    await admitted(store)
    const counts = await store.builds.counts()
    assert.deepEqual([counts.queued, counts.building, counts.deploying, counts.live], [1, 1, 1, 0])
  })
}
