import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hourMs, latencyCell, minuteMs, noTraffic, type TrafficBatch, type TrafficPart } from '@slipway/domain'
import { claimed, forgeRepository, queued, shop, twoStores } from './scene.ts'
import type { Subject } from './subject.ts'

const signal = new AbortController().signal
const at = 1000 * hourMs

function part(ownerId: string, functionName: string, codes: Record<string, number>, more: Partial<TrafficPart> = {}) {
  const calls = Object.values(codes).reduce((sum, count) => sum + count, 0)
  const { latency } = noTraffic()
  latency[latencyCell(10)] = calls
  return { ownerId, functionName, at, calls, codes, latency, running: 1, ...more }
}

const batch = (number: number, parts: TrafficPart[], sender = 'g'): TrafficBatch => ({ sender, number, parts })
const range = (stepMs = minuteMs, source: 'minutes' | 'hours' = 'minutes') => ({
  from: at - 24 * hourMs,
  until: at + 24 * hourMs,
  stepMs,
  source
})

export function trafficContract({ name, database }: Subject): void {
  test(`${name}: what gateways counted is added up by function and minute, and by hours`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = (await store.repositories.connect('github', shop, 0)).ownerId ?? ''
    await store.traffic.record([
      batch(1, [part(ownerId, 'hello', { 200: 2, 503: 1 }, { running: 4 }), part(ownerId, 'other', { 404: 1 })]),
      batch(1, [part(ownerId, 'hello', { 200: 5 })], 'another gateway')
    ])
    await store.traffic.record([batch(2, [part(ownerId, 'hello', { 200: 1 }, { at: at + minuteMs })])])
    const [first, second, ...none] = await store.traffic.ofFunction(ownerId, 'hello', range())
    assert.deepEqual(none, [])
    assert.deepEqual([first?.at, first?.calls, first?.codes, first?.running], [at, 8, { 200: 7, 503: 1 }, 4])
    assert.deepEqual([second?.at, second?.calls, second?.latency[latencyCell(10)]], [at + minuteMs, 1, 1])
    const hours = await store.traffic.ofFunction(ownerId, 'hello', range(hourMs, 'hours'))
    assert.deepEqual(
      hours.map((step) => [step.at, step.calls, step.latency[latencyCell(10)]]),
      [[at, 9, 9]]
    )
    assert.deepEqual(await store.traffic.ofOwner(ownerId, range(hourMs)), [
      { functionName: 'hello', at, calls: 9, errors: 1 },
      { functionName: 'other', at, calls: 1, errors: 0 }
    ])
  })

  test(`${name}: a batch that comes again, alone or with what follows it, counts once`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = (await store.repositories.connect('github', shop, 0)).ownerId ?? ''
    const first = batch(1, [part(ownerId, 'hello', { 200: 1 })])
    await store.traffic.record([first, first])
    await store.traffic.record([first])
    await store.traffic.record([batch(2, [part(ownerId, 'hello', { 200: 10 })]), first])
    const calls = async () => (await store.traffic.ofFunction(ownerId, 'hello', range())).map((step) => step.calls)
    assert.deepEqual(await calls(), [11])
    await store.traffic.record([batch(1, [part(ownerId, 'hello', { 200: 100 })], 'another life')])
    assert.deepEqual(await calls(), [111])
  })

  test(`${name}: two deployers that write the same at once count it once, and lose nothing`, async (t) => {
    const { store, atOnce } = await twoStores(await database(t))
    const ownerId = (await store.repositories.connect('github', shop, 0)).ownerId ?? ''
    await atOnce(8, (one, i) =>
      one.traffic.record([
        batch(1, [part(ownerId, 'hello', { 200: 1 })]),
        batch(1, [part(ownerId, 'hello', { 200: 100 })], `g${i}`)
      ])
    )
    assert.deepEqual(
      (await store.traffic.ofFunction(ownerId, 'hello', range())).map((step) => step.calls),
      [801]
    )
  })

  test(`${name}: traffic of an owner that is not known is dropped, the rest of its batch is not`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = (await store.repositories.connect('github', shop, 0)).ownerId ?? ''
    await store.traffic.record([batch(1, [part('nobody', 'x', { 200: 1 }), part(ownerId, 'hello', { 200: 1 })])])
    assert.equal((await store.traffic.ofOwner(ownerId, range())).length, 1)
    assert.deepEqual(await store.traffic.ofOwner('nobody', range()), [])
  })

  test(`${name}: one owner's traffic is not another's, though their functions are called the same`, async (t) => {
    const store = await (await database(t)).open()
    const alice = (await store.repositories.connect('github', shop, 0)).ownerId ?? ''
    const bob = (await store.repositories.connect('github', forgeRepository('bob/site', 8, 2), 0)).ownerId ?? ''
    await store.traffic.record([batch(1, [part(alice, 'hello', { 200: 1 }), part(bob, 'hello', { 500: 2 })])])
    assert.deepEqual(
      (await store.traffic.ofOwner(bob, range())).map(({ calls, errors }) => [calls, errors]),
      [[2, 2]]
    )
    assert.equal((await store.traffic.usage(alice, at, at + hourMs)).calls, 1)
  })

  test(`${name}: what an owner used are calls and the time of builds, those that run included`, async (t) => {
    const store = await (await database(t)).open()
    const before = await queued(store, '1', {}, at - 10)
    await claimed(store, before.id, 'w', at - 10)
    await store.builds.finish(before.id, 'w', { status: 'failed', reason: 'x' }, at - 5)
    const ended = await queued(store, '2', {}, at)
    await claimed(store, ended.id, 'w', at + 1000)
    await store.builds.finish(ended.id, 'w', { status: 'failed', reason: 'x' }, at + 3000)
    const running = await queued(store, '3', {}, at)
    await claimed(store, running.id, 'w', at + 4000)
    const ownerId = running.ownerId ?? ''
    await store.traffic.record([batch(1, [part(ownerId, 'hello', { 200: 1, 500: 2 })])])
    assert.deepEqual(await store.traffic.usage(ownerId, at, at + 5000), {
      calls: 3,
      errors: 2,
      builds: 2,
      buildMs: 3000
    })
    assert.deepEqual(await store.traffic.usage('nobody', at, at + 5000), { calls: 0, errors: 0, builds: 0, buildMs: 0 })
  })

  test(`${name}: old minutes and hours go, in batches; younger ones stay`, async (t) => {
    const store = await (await database(t)).open()
    const ownerId = (await store.repositories.connect('github', shop, 0)).ownerId ?? ''
    const minutes = Array.from({ length: 2400 }, (_, i) =>
      part(ownerId, 'hello', { 200: 1 }, { at: at + i * minuteMs })
    )
    await store.traffic.record([batch(1, minutes)])
    const removed = await store.retention.removeTraffic(
      { minutes: at + 2390 * minuteMs, hours: at + 10 * hourMs },
      signal
    )
    assert.equal(removed, 2390 + 10)
    const all = { ...range(), until: at + 100 * hourMs }
    assert.equal((await store.traffic.ofFunction(ownerId, 'hello', all)).length, 10)
    assert.equal((await store.traffic.ofFunction(ownerId, 'hello', { ...all, source: 'hours' })).length, 30)
    const stopped = store.retention.removeTraffic({ minutes: 0, hours: 0 }, AbortSignal.abort(new Error('stop')))
    await assert.rejects(stopped, /stop/)
  })
}
