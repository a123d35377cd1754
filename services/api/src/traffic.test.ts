import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hourMs, latencyCell, minuteMs, noTraffic, type TrafficPart } from '@slipway/domain'
import { imageOf, pushOf, seedLive, specOf } from '@slipway/testing'
import { commits, createApiForTest } from './api.fixture.ts'

type Setup = Awaited<ReturnType<typeof createApiForTest>>

async function seedTraffic({ store }: Pick<Setup, 'store'>, parts: (Partial<TrafficPart> & { ms?: number })[]) {
  const functions = ['hello', 'quiet'].map((name) => ({ spec: specOf(name), image: imageOf(name) }))
  const [deployment] = await seedLive(store, pushOf(commits.a), functions, Date.now())
  const ownerId = deployment?.ownerId ?? ''
  const all = parts.map(({ ms = 10, ...part }): TrafficPart => {
    const codes = part.codes ?? { 200: 1 }
    const calls = Object.values(codes).reduce((sum, count) => sum + count, 0)
    const { latency } = noTraffic()
    latency[latencyCell(ms)] = calls
    return { ownerId, functionName: 'hello', at: 0, calls, latency, running: 1, ...part, codes }
  })
  await store.traffic.record([{ sender: 'g', number: 1, parts: all }])
}

const minute = () => Date.now() - (Date.now() % minuteMs)

test("a function's traffic has every minute of the last hour, with percentiles of what was counted", async (t) => {
  const { api, store } = await createApiForTest(t)
  const at = minute() - 10 * minuteMs
  await seedTraffic({ store }, [
    { at, codes: { 200: 98, 503: 1 }, ms: 9 },
    { at, codes: { 200: 1 }, ms: 4000, running: 7 },
    { at: at - 2 * hourMs }
  ])
  const { stepMs, points, total } = await api.getTraffic({ owner: 'alice', name: 'hello' })
  assert.deepEqual([stepMs, points.length], [minuteMs, 60])
  const point = points.find((one) => one.at === at)
  assert.deepEqual([point?.calls, point?.errors, point?.running, point?.codes], [100, 1, 7, { 200: 99, 503: 1 }])
  assert.ok(point?.p50Ms != null && point.p50Ms > 7 && point.p50Ms <= 10)
  assert.ok(point?.p99Ms != null && point.p99Ms <= 10)
  assert.equal(points.filter(({ calls }) => calls === 0).length, 59)
  assert.equal(points.find(({ calls }) => calls === 0)?.p95Ms, null)
  assert.deepEqual([total.calls, total.errors, total.at], [100, 1, points[0]?.at])
})

test('a day is told by quarters of an hour, a month by hours', async (t) => {
  const { api, store } = await createApiForTest(t)
  await seedTraffic({ store }, [{ at: minute() }, { at: minute() - 5 * hourMs }, { at: minute() - 20 * 24 * hourMs }])
  const day = await api.getTraffic({ owner: 'alice', name: 'hello', window: '24h' })
  assert.deepEqual([day.points.length, day.total.calls], [96, 2])
  const month = await api.getTraffic({ owner: 'alice', name: 'hello', window: '30d' })
  assert.deepEqual([month.points.length, month.total.calls], [120, 3])
})

test("an owner's traffic is a short series of each function that was called", async (t) => {
  const { api, store } = await createApiForTest(t)
  const at = minute()
  await seedTraffic({ store }, [{ at, codes: { 200: 2, 500: 1 } }])
  const { functions, from, stepMs } = await api.getOwnerTraffic({ owner: 'alice' })
  const [hello, ...others] = functions
  assert.deepEqual(others, [])
  assert.deepEqual([hello?.name, hello?.calls, hello?.errors, hello?.callsByStep.length], ['hello', 3, 1, 60])
  const step = hello?.callsByStep.findIndex((calls) => calls > 0) ?? 0
  assert.equal(from + step * stepMs, at)
})

test('usage tells calls, builds, the minutes that they took, and functions', async (t) => {
  const { api, store } = await createApiForTest(t)
  await seedTraffic({ store }, [{ at: minute() }, { at: minute() - 20 * 24 * hourMs }])
  const { calls, errors, builds, functions, buildMinutes } = await api.getUsage({ owner: 'alice' })
  assert.deepEqual([calls, errors, builds, functions], [2, 0, 1, 2])
  assert.ok(buildMinutes >= 0)
  assert.equal((await api.getUsage({ owner: 'alice', days: 7 })).calls, 1)
})

test('the traffic of what is not there is not found', async (t) => {
  const { api } = await createApiForTest(t)
  for (const asked of [
    api.getTraffic({ owner: 'alice', name: 'hello' }),
    api.getOwnerTraffic({ owner: 'alice' }),
    api.getUsage({ owner: 'alice' })
  ]) {
    await assert.rejects(asked, { code: 'not-found' })
  }
})

test("who has a right on one repository sees the traffic of its functions only, and not the owner's usage", async (t) => {
  const grants = { owners: new Map(), repositories: new Map() }
  const { app, store } = await createApiForTest(t, {
    findSession: async () => ({
      kind: 'account',
      name: 'rita',
      accountId: 'rita',
      forgeId: 'github',
      isAdministrator: false,
      grants
    })
  })
  const shop = pushOf(commits.a).repository
  const site = { ...shop, forgeRepositoryId: '8', name: 'site', fullName: 'alice/site' }
  const [first] = await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], 1)
  const siteOf = pushOf(commits.b, { repository: site })
  await seedLive(store, siteOf, [{ spec: specOf('other'), image: imageOf('other') }], 1)
  const ownerId = first?.ownerId ?? ''
  const repositoryId = first?.repositoryId ?? ''
  const parts = ['hello', 'other'].map((functionName) => ({
    ownerId,
    functionName,
    at: minute(),
    ...noTraffic(),
    calls: 1
  }))
  await store.traffic.record([{ sender: 'g', number: 1, parts }])
  grants.repositories.set(repositoryId, { ownerId, right: 'read' })
  const ask = (path: string) => app.inject(`/api/v1/${path}`)
  const { functions } = (await ask('owners/alice/traffic')).json() as { functions: { name: string }[] }
  assert.deepEqual(
    functions.map(({ name }) => name),
    ['hello']
  )
  assert.equal((await ask('functions/alice/hello/traffic')).statusCode, 200)
  assert.equal((await ask('functions/alice/other/traffic')).statusCode, 404)
  assert.equal((await ask('owners/alice/usage')).statusCode, 403)
})
