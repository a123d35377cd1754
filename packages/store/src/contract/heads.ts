import assert from 'node:assert/strict'
import { test } from 'node:test'
import { a, b, c, hundredTicks, later, observed, ref, statuses } from './head-scene.ts'
import { admitted, claimed, delivery, forgeRepository, live, push, queued, shop } from './scene.ts'
import { commitOf, firstPage, type Subject } from './subject.ts'

export function headsContract({ name, database }: Subject): void {
  test(`${name}: a lost push and a lost revert are queued, once`, async (t) => {
    const store = await (await database(t)).open()
    const { repositoryId } = await observed(store, a, 'live')
    assert.deepEqual(await hundredTicks(store, repositoryId, b), [b])
    assert.deepEqual(await statuses(store), [
      ['push', 'live', 'a'],
      ['head', 'queued', 'b']
    ])
    const [waiting] = await store.builds.list(null, { status: 'queued' }, firstPage)
    await claimed(store, waiting?.id ?? '', 'w', later)
    await store.builds.observe(waiting?.id ?? '', 'w', later)
    await store.builds.finish(waiting?.id ?? '', 'w', { status: 'failed', reason: 'no' }, later)
    assert.equal((await store.heads.settle(repositoryId, ref, a, 2 * later))?.commit, a, 'a, b, a')
  })

  test(`${name}: a paused function beside another does not hold the other back`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello', 'other'])
    await store.functions.pause(claim.build.ownerId, 'hello', 1)
    assert.equal((await store.heads.settle(claim.build.repositoryId, ref, c, later))?.commit, c)
  })

  test(`${name}: an error is tried again when its back-off is over, and later after each further one`, async (t) => {
    const store = await (await database(t)).open()
    const { repositoryId } = await observed(store, a, 'error', 1)
    assert.deepEqual(await hundredTicks(store, repositoryId, a, 1), [])
    const again = await store.heads.settle(repositoryId, ref, a, 600_001)
    assert.deepEqual([again?.commit, again?.trigger], [a, 'head'])
    await claimed(store, again?.id ?? '', 'w', 600_001)
    await store.builds.observe(again?.id ?? '', 'w', 600_001)
    await store.builds.finish(again?.id ?? '', 'w', { status: 'error', reason: 'again' }, 600_001)
    assert.equal(await store.heads.settle(repositoryId, ref, a, 1_200_001), null)
    assert.equal((await store.heads.settle(repositoryId, ref, a, 1_800_001))?.commit, a)
  })

  test(`${name}: what was stopped by a suspension goes on after it, and nothing is queued during it`, async (t) => {
    const store = await (await database(t)).open()
    const installed = { ...shop, installationId: '3' }
    const { id, repositoryId } = await queued(store, '', { commit: a, repository: installed })
    await store.repositories.setSuspended('github', '3', true, 1)
    assert.deepEqual(await admitted(store), [])
    assert.equal((await store.builds.get(id))?.status, 'cancelled')
    assert.deepEqual(await hundredTicks(store, repositoryId, a), [])
    assert.deepEqual(await store.heads.watched('github', null, 10), [])
    await store.repositories.setSuspended('github', '3', false, 2)
    assert.equal((await store.heads.settle(repositoryId, ref, a, later))?.commit, a)
  })

  test(`${name}: every connected repository of a forge is watched, page by page`, async (t) => {
    const store = await (await database(t)).open()
    const made: string[] = []
    for (let i = 0; i < 5; i++) {
      made.push((await store.repositories.connect('github', forgeRepository(`alice/r${i}`, 10 + i), 1)).id)
    }
    await store.repositories.connect('gitlab', forgeRepository('bob/x', 9, 2), 1)
    await store.repositories.disconnect(made[1] ?? '', 2)
    const first = await store.heads.watched('github', null, 2)
    const second = await store.heads.watched('github', first.at(-1)?.id ?? null, 10)
    assert.deepEqual(
      [...first, ...second].map(({ id }) => id),
      made.filter((_, i) => i !== 1)
    )
    assert.equal((await store.repositories.ofForge('github', null, 10)).length, 5)
    assert.deepEqual(await store.repositories.installations('github'), [])
  })

  test(`${name}: with the policy override a running build is stopped when its branch moves on, and ends superseded`, async (t) => {
    const store = await (await database(t)).open()
    const running = await queued(store, '', { commit: a })
    await claimed(store, running.id, 'w', 0, 5000)
    await queued(store, '', { commit: b })
    assert.deepEqual(await store.heads.overtaken(), [], 'the default is to wait')
    await store.repositories.updateSettings(running.repositoryId, { policy: 'override' })
    const [overtaken, ...others] = await store.heads.overtaken()
    assert.deepEqual([overtaken?.build.id, overtaken?.waiting, others.length], [running.id, [b], 0])
    assert.equal(await store.heads.supersede(running.id, b, 10), true)
    assert.equal(await store.heads.supersede(running.id, b, 11), false)
    assert.deepEqual(await store.heads.overtaken(), [], 'it is being stopped')
    assert.equal((await store.builds.renew(running.id, 'w', 1000, 12)).isCancelled, true)
    await store.builds.finish(running.id, 'w', { status: 'cancelled', reason: 'cancelled on request' }, 13)
    const ended = await store.builds.get(running.id)
    assert.deepEqual([ended?.status, ended?.reason], ['superseded', `the branch is at ${b.slice(0, 7)} now`])
    assert.equal(await store.heads.supersede(running.id, b, 14), false)
  })

  test(`${name}: of a dead worker an overtaken build ends at once, rebuilds and rollbacks are left alone`, async (t) => {
    const store = await (await database(t)).open()
    const dead = await queued(store, '', { commit: a })
    await store.repositories.updateSettings(dead.repositoryId, { policy: 'override' })
    await claimed(store, dead.id, 'w', 0, 10)
    assert.equal(await store.heads.supersede(dead.id, b, 11), true)
    assert.equal((await store.builds.get(dead.id))?.status, 'superseded')
    const asked = await queued(store, '', { commit: c, trigger: 'rebuild' })
    await claimed(store, asked.id, 'w', 20, 1000)
    await queued(store, '', { commit: b })
    assert.deepEqual(await store.heads.overtaken(), [])
  })

  test(`${name}: with the policy wait a branch that is pushed to faster than it builds goes live again and again`, async (t) => {
    const store = await (await database(t)).open()
    const lived: number[] = []
    let running: { id: string; until: number } | null = null
    let head = ''
    // Pushed to every two seconds, builds of five, a minute of it and a quarter.
    for (let second = 0; second < 75; second++) {
      if (second % 2 === 0 && second < 60) {
        head = commitOf(second)
        await store.deliveries.record([delivery(`d${second}`, push(head))], null, second * 1000)
      }
      if (running !== null && second >= running.until) {
        await store.builds.handOver(running.id, 'w', second * 1000)
        await store.builds.claimDeploy(running.id, 'd', 60_000, second * 1000)
        const change = { deploymentIds: [], keep: [], finish: true, pause: false }
        await store.deployments.switchLive(running.id, 'd', change, second * 1000)
        lived.push(second)
        running = null
      }
      while (running === null) {
        const [id] = await admitted(store, undefined, second * 1000)
        if (id === undefined) break
        const { build } = await claimed(store, id, 'w', second * 1000, 60_000)
        if (build.commit === head) {
          await store.builds.observe(id, 'w', second * 1000)
          running = { id, until: second + 5 }
        } else {
          const moved = { status: 'superseded' as const, reason: 'the branch moved on', head }
          await store.builds.giveWay(id, 'w', moved, second * 1000)
        }
      }
    }
    const gaps = lived.map((at, i) => at - (lived[i - 1] ?? 0))
    assert.ok(lived.length >= 11 && Math.max(...gaps) <= 7, `live at ${lived.join(', ')}`)
    const [newest] = await store.builds.list(null, { status: 'live' }, firstPage)
    assert.equal(newest?.commit, head, 'the last push is live in the end')
    assert.equal((await store.builds.counts()).queued, 0)
    assert.deepEqual(await hundredTicks(store, newest?.repositoryId ?? '', head, 86_400_000), [])
  })

  test(`${name}: fifty pushes of one owner do not keep another's single push waiting`, async (t) => {
    const store = await (await database(t)).open()
    const limits = { slots: 2, perOwner: 1, redispatchMs: 60_000 }
    for (let i = 0; i < 50; i++) {
      const repository = forgeRepository(`alice/r${i % 5}`, 100 + (i % 5), 1)
      await store.deliveries.record([delivery(`a${i}`, push(commitOf(`a${i}`), { repository }))], null, i)
    }
    const [first = ''] = await admitted(store, limits, 100)
    assert.deepEqual(await admitted(store, limits, 100), [], 'one owner has one slot, however much it waits for')
    const bobs = forgeRepository('bob/blog', 200, 2)
    await store.deliveries.record([delivery('b', push(b, { repository: bobs }))], null, 101)
    const [next = ''] = await admitted(store, limits, 102)
    assert.equal((await store.builds.get(next))?.commit, b, 'it does not even wait for the other to end')
    await claimed(store, first, 'w', 103)
    await store.builds.finish(first, 'w', { status: 'failed', reason: null }, 104)
    const carols = forgeRepository('carol/site', 300, 3)
    await store.deliveries.record([delivery('c', push(c, { repository: carols }))], null, 105)
    const [third = ''] = await admitted(store, limits, 106)
    assert.equal((await store.builds.get(third))?.commit, c, 'nor is it behind what waited before it')
  })
}
