import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QueueLook, Store } from '@slipway/domain'
import { admitted, claimed, deploying, forgeRepository, queued, shop } from './scene.ts'
import { commitOf, type Subject } from './subject.ts'

const bobs = forgeRepository('bob/blog', 8, 2)
const two = { slots: 2, perOwner: 1, redispatchMs: 1000 }

/** The commit's first letters, the turn, and why it waits. */
function waits({ waiting }: QueueLook): unknown[] {
  return waiting.map(({ build, turn, waitsFor }) => [nameOf(build.commit), turn, waitsFor.kind])
}

const nameOf = (commit: string) => Buffer.from(commit, 'hex').toString().replaceAll('\0', '')

async function slugOf(store: Store, ownerId: string): Promise<string | null> {
  return (await store.owners.get(ownerId))?.slug ?? null
}

export function queueLookContract({ name, database }: Subject): void {
  test(`${name}: the queue is shown in the order in which it is admitted, whoever pushed more`, async (t) => {
    const store = await (await database(t)).open()
    for (const text of ['a1', 'a2', 'a3']) await queued(store, text, { ref: `refs/heads/${text}` })
    for (const text of ['b1', 'b2']) await queued(store, text, { repository: bobs, ref: `refs/heads/${text}` })
    const one = { ...two, slots: 1, perOwner: 5 }
    const before = await store.queue.look(one, 0)
    assert.deepEqual(waits(before), [
      ['a1', 1, 'turn'],
      ['b1', 2, 'slot'],
      ['a2', 3, 'slot'],
      ['b2', 4, 'slot'],
      ['a3', 5, 'slot']
    ])
    assert.deepEqual([before.slots, before.waitingCount, before.active], [{ taken: 0, most: 1 }, 5, []])
    assert.deepEqual(
      await Promise.all(
        before.owners.map(async ({ ownerId, ...rest }) => ({ ...rest, is: await slugOf(store, ownerId) }))
      ),
      [
        { is: 'alice', building: 0, most: 5, waiting: 3 },
        { is: 'bob', building: 0, most: 5, waiting: 2 }
      ]
    )
    const order: string[] = []
    for (let i = 0; i < 5; i++) {
      const [id = ''] = await admitted(store, one)
      order.push(nameOf((await store.builds.get(id))?.commit ?? ''))
      await claimed(store, id)
      await store.builds.finish(id, 'w', { status: 'failed', reason: null }, 1)
    }
    assert.deepEqual(order, ['a1', 'b1', 'a2', 'b2', 'a3'])
    assert.deepEqual(waits(await store.queue.look(one, 0)), [])
  })

  test(`${name}: what a waiting build waits for is told: its branch, its owner's limit, a slot, its next try`, async (t) => {
    const store = await (await database(t)).open()
    const first = await queued(store, 'a1')
    await admitted(store, two)
    await claimed(store, first.id, 'builder-1', 0, 15_000)
    await queued(store, 'a2')
    await queued(store, 'a3', { ref: 'refs/heads/other' })
    const retried = await queued(store, 'b1', { repository: bobs })
    await claimed(store, retried.id, 'w', 0)
    await store.builds.retryLater(retried.id, 'w', 'the disk is full', 5000)
    const look = await store.queue.look(two, 10)
    assert.deepEqual(waits(look), [
      ['a3', 1, 'owner-limit'],
      ['a2', null, 'branch'],
      ['b1', null, 'retry']
    ])
    assert.deepEqual(
      look.waiting.map(({ waitsFor }) => waitsFor),
      [
        { kind: 'owner-limit', most: 1 },
        { kind: 'branch', buildId: first.id },
        { kind: 'retry', at: 5000 }
      ]
    )
    assert.deepEqual(waits(await store.queue.look({ slots: 1, perOwner: 5 }, 10))[0], ['a3', 1, 'slot'])
    assert.deepEqual(waits(await store.queue.look({ slots: 2, perOwner: 5 }, 10))[0], ['a3', 1, 'turn'])
    assert.deepEqual(waits(await store.queue.look(two, 5000)).at(-1), ['a2', null, 'branch'], 'the other may be tried')
  })

  test(`${name}: where something runs is told, by which worker and until when it is that worker's`, async (t) => {
    const store = await (await database(t)).open()
    const { build } = await deploying(store, 'a1', ['hello'], shop, 100)
    const chosen = await queued(store, 'b1', { repository: bobs })
    await admitted(store, two, 100)
    const { active, slots } = await store.queue.look(two, 200)
    assert.deepEqual(slots, { taken: 1, most: 2 }, 'a roll-out takes none')
    assert.deepEqual(
      active.map(({ build: { id }, holder, leaseUntil, waitsFor }) => [id, holder, leaseUntil, waitsFor]),
      [
        [build.id, 'd', 1100, null],
        [chosen.id, null, null, { kind: 'worker' }]
      ]
    )
    const later = await store.queue.look(two, 1200)
    assert.deepEqual(later.active[0]?.waitsFor, { kind: 'worker' }, 'its worker was not heard of since')
    assert.equal(later.active[0]?.holder, 'd')
  })

  test(`${name}: builds without an owner, of an owner without a name and of one that is suspended say so`, async (t) => {
    const store = await (await database(t)).open()
    await queued(store, 'u1', { repository: forgeRepository('carol/site', 9, null) })
    await queued(store, 'a1')
    const namesake = await store.repositories.connect('gitlab', forgeRepository('alice/shop', 7, 1), 0)
    await queued(store, 'n1', { repositoryId: namesake.id })
    const bob = await queued(store, 'b1', { repository: bobs })
    await store.owners.setSuspension(bob.ownerId ?? '', { at: 1, reason: 'the bill' })
    const { waiting } = await store.queue.look(two, 10)
    const told = waiting.map(({ build, waitsFor }) => [build.commit, waitsFor])
    assert.deepEqual(told, [
      [commitOf('a1'), { kind: 'turn' }],
      [commitOf('u1'), { kind: 'owner' }],
      [commitOf('n1'), { kind: 'name' }],
      [commitOf('b1'), waiting[3]?.waitsFor]
    ])
    assert.equal(waiting[3]?.waitsFor.kind, 'stopped')
  })
}
