import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Build, Store, TerminalBuildStatus } from '@slipway/domain'
import { admitted, claimed, delivery, forgeRepository, live, push, queued, shop } from './scene.ts'
import { commitOf, firstPage, type Subject } from './subject.ts'

const ref = 'refs/heads/main'
const [a, b, c] = [commitOf('a'), commitOf('b'), commitOf('c')]
/** Long after every build of these tests, and long before an error's back-off is over. */
const later = 100_000
const day = 86_400_000

/** A build that looked at the head and ended. */
async function observed(store: Store, commit: string, status: TerminalBuildStatus, now = 0): Promise<Build> {
  const build = await queued(store, '', { commit }, now)
  await claimed(store, build.id, 'w', now)
  await store.builds.observe(build.id, 'w', now)
  if (status === 'live') {
    await store.builds.handOver(build.id, 'w', now)
    await store.builds.claimDeploy(build.id, 'd', 1000, now)
    const change = { deploymentIds: [], keep: [], finish: true, pause: false }
    await store.deployments.switchLive(build.id, 'd', change, now)
  } else await store.builds.finish(build.id, 'w', { status, reason: 'it ended' }, now)
  return build
}

/** Asks a hundred times; returns the commits that were queued. */
async function hundredTicks(store: Store, repositoryId: string, head: string, from = later): Promise<string[]> {
  const commits: string[] = []
  for (let tick = 0; tick < 100; tick++) {
    const build = await store.heads.settle(repositoryId, ref, head, from + tick * 1000)
    if (build !== null) commits.push(build.commit)
  }
  return commits
}

const statuses = async (store: Store) =>
  (await store.builds.list(null, {}, firstPage))
    .toReversed()
    .map(({ trigger, status, commit }) => [trigger, status, commit === a ? 'a' : commit === b ? 'b' : 'c'])

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

  for (const status of ['failed', 'skipped', 'live', 'superseded'] as const) {
    test(`${name}: a head whose build ended ${status} is not built again in a hundred ticks`, async (t) => {
      const store = await (await database(t)).open()
      const { repositoryId } = await observed(store, a, status)
      assert.deepEqual(await hundredTicks(store, repositoryId, a), [])
      assert.equal((await store.builds.list(null, {}, firstPage)).length, 1)
    })
  }

  test(`${name}: a push that says [skip ci] is not built in a hundred ticks, the revert after it is`, async (t) => {
    const store = await (await database(t)).open()
    const { repositoryId } = await observed(store, a, 'live')
    await store.deliveries.record([delivery('1', push(b, { before: a, message: '[skip ci]' }))], null, 1)
    assert.deepEqual(await hundredTicks(store, repositoryId, b), [])
    assert.equal((await store.heads.settle(repositoryId, ref, a, 2 * later))?.commit, a)
  })

  test(`${name}: a build that ended before it looked at the head is not tried again in a hundred ticks`, async (t) => {
    const store = await (await database(t)).open()
    const { repositoryId, id } = await queued(store, '', { commit: a })
    await store.builds.finish(id, null, { status: 'failed', reason: 'the name is taken' }, 1)
    assert.deepEqual(await hundredTicks(store, repositoryId, a), [])
    const second = await queued(store, '', { commit: b })
    await store.builds.requestCancel(second.id, 'alice', 2)
    assert.deepEqual(await hundredTicks(store, repositoryId, b), [], 'a person cancelled it')
  })

  test(`${name}: a rolled-back repository is not deployed in a hundred ticks, until it is resumed`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello'])
    const { repositoryId, ownerId } = claim.build
    await store.functions.pause(ownerId, 'hello', 1)
    assert.deepEqual(await hundredTicks(store, repositoryId, c), [])
    await store.functions.resume(ownerId, 'hello', 'alice', 2)
    assert.equal((await store.heads.settle(repositoryId, ref, c, 2 * later))?.commit, c)
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
    assert.deepEqual(await hundredTicks(store, newest?.repositoryId ?? '', head, day), [])
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
