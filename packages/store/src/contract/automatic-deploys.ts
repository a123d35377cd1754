import assert from 'node:assert/strict'
import { test } from 'node:test'
import { automaticDeploysOff, type Store } from '@slipway/domain'
import { a, b, c, hundredTicks, later, observed } from './head-scene.ts'
import { admitted, claimed, delivery, live, push, queued } from './scene.ts'
import { commitOf, failure, firstPage, type Subject } from './subject.ts'

const off = (store: Store, id: string) => store.repositories.setAutomatic(id, false, 'alice', 1)
const on = (store: Store, id: string) => store.repositories.setAutomatic(id, true, 'alice', 9)
const newest = async (store: Store) => {
  const [build] = await store.builds.list(null, {}, firstPage)
  return [build?.trigger, build?.status, build?.commit, build?.reason]
}

export function automaticDeploysContract({ name, database }: Subject): void {
  test(`${name}: while automatic deploys are off a push is kept as skipped, and its head is not queued by looking`, async (t) => {
    const store = await (await database(t)).open()
    const { repositoryId } = await observed(store, a, 'live')
    assert.equal((await store.repositories.get(repositoryId))?.isAutomatic, true)
    assert.equal((await off(store, repositoryId)).repository.isAutomatic, false)
    const [answer] = await store.deliveries.record([delivery('1', push(b))], null, 5)
    assert.deepEqual([answer?.outcome, answer?.reason], ['skipped', automaticDeploysOff])
    assert.deepEqual(await newest(store), ['push', 'skipped', b, automaticDeploysOff])
    assert.ok((await store.reports.due(6, 10)).length > 0, 'the commit is told')
    assert.deepEqual(await hundredTicks(store, repositoryId, b), [])
    assert.equal((await store.builds.list(null, {}, firstPage)).length, 2)
    assert.deepEqual(await admitted(store), [])
  })

  test(`${name}: a head whose delivery was lost is shown as skipped, once`, async (t) => {
    const store = await (await database(t)).open()
    const { repositoryId } = await observed(store, a, 'live')
    await off(store, repositoryId)
    assert.deepEqual(await hundredTicks(store, repositoryId, b), [])
    assert.deepEqual(await newest(store), ['head', 'skipped', b, automaticDeploysOff])
    assert.equal((await store.builds.list(null, {}, firstPage)).length, 2)
    assert.deepEqual(await hundredTicks(store, repositoryId, a, 2 * later), [], 'a revert that was not heard of')
    assert.deepEqual(await newest(store), ['head', 'skipped', a, automaticDeploysOff])
  })

  test(`${name}: what waited when they were switched off is skipped at its turn, what somebody asked for is built`, async (t) => {
    const store = await (await database(t)).open()
    const waiting = await queued(store, '', { commit: b })
    await off(store, waiting.repositoryId)
    assert.equal(await store.builds.claim(waiting.id, 'w', 1000, 2), null)
    assert.deepEqual(await newest(store), ['push', 'skipped', b, automaticDeploysOff])
    const asked = await queued(store, '', { commit: b, trigger: 'rebuild', sender: 'alice' }, 3)
    await claimed(store, asked.id, 'w', 4)
    await store.builds.retryLater(asked.id, 'w', 'the registry is away', 5)
    await claimed(store, asked.id, 'w', 6)
    await store.builds.observe(asked.id, 'w', 6)
    await store.builds.finish(asked.id, 'w', { status: 'error', reason: 'the registry is away' }, 7)
    assert.deepEqual(await hundredTicks(store, asked.repositoryId, b, 86_400_000), [], 'not by itself once more')
  })

  test(`${name}: a head that a build gave way to is not built either`, async (t) => {
    const store = await (await database(t)).open()
    const running = await queued(store, '', { commit: a })
    await claimed(store, running.id, 'w', 1)
    await off(store, running.repositoryId)
    await store.builds.giveWay(running.id, 'w', { status: 'superseded', reason: 'moved', head: b }, 2)
    const [next] = await store.builds.list(null, { status: 'queued' }, firstPage)
    assert.equal(next?.commit, b)
    assert.equal(await store.builds.claim(next?.id ?? '', 'w', 1000, 3), null)
    assert.deepEqual(await newest(store), ['head', 'skipped', b, automaticDeploysOff])
  })

  test(`${name}: switched on again, the newest push that was left out is queued, unless somebody had asked for it`, async (t) => {
    const store = await (await database(t)).open()
    const { repositoryId } = await observed(store, a, 'live')
    assert.equal((await on(store, repositoryId)).build, null, 'they were on')
    await off(store, repositoryId)
    assert.equal((await on(store, repositoryId)).build, null, 'nothing was left out')
    await off(store, repositoryId)
    await store.deliveries.record([delivery('1', push(b)), delivery('2', push(c))], null, 5)
    const { build } = await on(store, repositoryId)
    assert.deepEqual([build?.trigger, build?.status, build?.commit, build?.sender], ['resume', 'queued', c, 'alice'])
    assert.equal((await on(store, repositoryId)).build, null)
    await claimed(store, build?.id ?? '', 'w', later)
    await store.builds.finish(build?.id ?? '', 'w', { status: 'failed', reason: 'no' }, later)
    await off(store, repositoryId)
    await store.deliveries.record([delivery('3', push(b))], null, later)
    await queued(store, '', { commit: b, trigger: 'rebuild' }, later)
    assert.equal((await on(store, repositoryId)).build, null)
    await assert.rejects(on(store, 'nothing'), failure('not-found'))
  })

  test(`${name}: a function that is resumed meanwhile is not brought a head that nobody asked for`, async (t) => {
    const store = await (await database(t)).open()
    const { claim } = await live(store, '1', ['hello'])
    const { ownerId, repositoryId } = claim.build
    await store.functions.pause(ownerId, 'hello', 2)
    const missed = await queued(store, '2', {}, 3)
    await claimed(store, missed.id, 'w', 3)
    await store.builds.observe(missed.id, 'w', 3)
    await store.builds.finish(missed.id, 'w', { status: 'failed', reason: 'for this test' }, 4)
    await off(store, repositoryId)
    assert.equal((await store.functions.resume(ownerId, 'hello', 'alice', 5)).build, null)
    await on(store, repositoryId)
    await store.functions.pause(ownerId, 'hello', 6)
    const { build } = await store.functions.resume(ownerId, 'hello', 'alice', 7)
    assert.equal(build?.commit, commitOf('2'))
  })
}
