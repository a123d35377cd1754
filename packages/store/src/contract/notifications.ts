import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StoredSink } from '@slipway/domain'
import { claimed, forgeRepository, live, queued, shop, twoStores } from './scene.ts'
import { failure, type Subject } from './subject.ts'

const message = { type: 'test', timestamp: '', text: 'x', data: { a: 1 } }

function sinkOf(id: string, ownerId: string | null, more: Partial<StoredSink> = {}): StoredSink {
  return {
    id,
    ownerId,
    kind: 'webhook',
    host: 'a.test',
    topics: ['live', 'failed'],
    createdBy: 'alice',
    createdAt: 5,
    ciphertext: `of ${id}`,
    keyId: 'k1',
    ...more
  }
}

export function notificationsContract({ name, database }: Subject): void {
  test(`${name}: sinks belong to an owner or the administrators, and show nothing that is encrypted`, async (t) => {
    const store = (await (await database(t)).open()).notifications
    await store.addSink(sinkOf('s0', null))
    assert.deepEqual(
      (await store.sinks(null)).map((sink) => [sink.id, 'ciphertext' in sink]),
      [['s0', false]]
    )
    assert.deepEqual(await store.allSinks(), [sinkOf('s0', null)])
    await store.reencrypt('s0', 'something else', { ciphertext: 'new', keyId: 'k2' })
    assert.equal((await store.allSinks())[0]?.keyId, 'k1')
    await store.reencrypt('s0', 'of s0', { ciphertext: 'new', keyId: 'k2' })
    assert.deepEqual((await store.allSinks())[0]?.ciphertext, 'new')
  })

  test(`${name}: a sink is removed by its owner only, with what was still to be told`, async (t) => {
    const store = await (await database(t)).open()
    const alice = (await store.repositories.connect('github', shop, 0)).ownerId ?? ''
    const bob = (await store.repositories.connect('github', forgeRepository('bob/site', 8, 2), 0)).ownerId ?? ''
    await store.notifications.addSink(sinkOf('s1', alice))
    const [id = ''] = await store.notifications.enqueue([{ sinkId: 's1', eventId: 'e', message }], 1)
    for (const other of [bob, null]) {
      await assert.rejects(store.notifications.removeSink(other, 's1'), failure('not-found'))
    }
    assert.equal((await store.notifications.removeSink(alice, 's1')).host, 'a.test')
    assert.equal(await store.notifications.get(id), null)
    for (let i = 0; i < 20; i++) await store.notifications.addSink(sinkOf(`t${i}`, alice))
    await assert.rejects(store.notifications.addSink(sinkOf('more', alice)), failure('limit-exceeded'))
  })

  test(`${name}: an event is told once to each sink, also when two look at the same moment`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    for (const id of ['s1', 's2']) await store.notifications.addSink(sinkOf(id, null))
    const wanted = ['s1', 's2'].map((sinkId) => ({ sinkId, eventId: 'e', message }))
    const made = await atOnce(6, (one) => one.notifications.enqueue(wanted, 1))
    assert.equal(made.flat().length, 2)
    assert.equal((await store.notifications.due(1, 10)).length, 2)
  })

  test(`${name}: it is due when its time has come, and not when it has ended; old ones are forgotten`, async (t) => {
    const { notifications: store } = await (await database(t)).open()
    await store.addSink(sinkOf('s1', null))
    const [first = '', second = ''] = await store.enqueue(
      ['a', 'b'].map((eventId) => ({ sinkId: 's1', eventId, message })),
      10
    )
    assert.deepEqual((await store.due(9, 10)).length, 0)
    await store.settle(first, { status: 'pending', attempts: 1, nextAttemptAt: 50, reason: 'away' })
    await store.settle(second, { status: 'delivered', attempts: 1, nextAttemptAt: 11, reason: null })
    assert.deepEqual(await store.due(49, 10), [])
    const [due] = await store.due(50, 10)
    assert.deepEqual([due?.id, due?.attempts, due?.reason, due?.message], [first, 1, 'away', message])
    assert.equal((await store.list('s1', 9)).length, 2)
    assert.equal(await store.forget(100), 1, 'what is still to be told stays')
    assert.equal((await store.get(first))?.status, 'pending')
  })

  test(`${name}: what happened are builds that went live or failed since then, and changes that people made`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello'], shop, 10)
    const failed = await queued(store, '2', {}, 20)
    await claimed(store, failed.id, 'w', 20)
    await store.builds.finish(failed.id, 'w', { status: 'failed', reason: 'x' }, 30)
    const skipped = await queued(store, '3', {}, 40)
    await claimed(store, skipped.id, 'w', 40)
    await store.builds.finish(skipped.id, 'w', { status: 'superseded', reason: 'x' }, 40)
    const seen = async (since: number) => (await store.notifications.happened(since, 9)).builds.map(({ id }) => id)
    assert.deepEqual(await seen(0), [claim.build.id, failed.id])
    assert.deepEqual(await seen(30), [failed.id])
    assert.deepEqual(await seen(31), [])
    const [build] = (await store.notifications.happened(0, 9)).builds
    assert.deepEqual([build?.ownerSlug, build?.repositoryName], ['alice', 'alice/shop'])
    const before = Date.now()
    await store.audit.append({ at: before, actor: 'a', action: 'b', ownerId: null, resource: 'c', detail: { d: 1 } })
    const { changes } = await store.notifications.happened(before, 9)
    assert.deepEqual(
      changes.map(({ action, detail }) => [action, detail]),
      [['b', { d: 1 }]]
    )
    assert.deepEqual(await store.notifications.happened(before + 60_000, 9), { builds: [], changes: [], next: null })
  })

  test(`${name}: what happened is read page by page, whichever time was written into it`, async (t) => {
    const store = await (await database(t)).open()
    for (const commit of ['1', '2', '3']) await live(store, commit, ['hello'], shop, Number(commit) * 10)
    const wanted = [0, 1, 2, 3, 4, 5]
    for (const at of wanted) {
      await store.audit.append({ at, actor: 'a', action: 'b', ownerId: null, resource: 'c', detail: {} })
      // Those of one moment are one page.
      await sleep(2)
    }
    const builds = new Set<string>()
    const changes = new Set<number>()
    for (let from: number | null = 0; from !== null; ) {
      const page: Awaited<ReturnType<typeof store.notifications.happened>> = await store.notifications.happened(from, 2)
      for (const { id } of page.builds) builds.add(id)
      for (const { at } of page.changes) changes.add(at)
      from = page.next
    }
    assert.deepEqual([builds.size, [...changes]], [3, wanted])
  })
}
