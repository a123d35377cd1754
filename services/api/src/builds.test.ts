import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import { imageOf, pushOf, seedClaim, seedLive, seedPush, specOf } from '@slipway/testing'
import { commits, createApiForTest, token } from './api.fixture.ts'

test('a build is told with its functions and the delivery that made it', async (t) => {
  const { api, store } = await createApiForTest(t)
  const [deployment] = await seedLive(
    store,
    pushOf(commits.a),
    [{ spec: specOf('hello'), image: imageOf('hello') }],
    Date.now()
  )
  const { items } = await api.listBuilds({ owner: 'alice', status: 'live' })
  const build = await api.getBuild({ id: items[0]?.id ?? '' })
  assert.deepEqual([build.repository, build.commit, build.status], ['alice/shop', commits.a, 'live'])
  assert.deepEqual([build.functions[0]?.name, build.functions[0]?.deploymentId], ['hello', deployment?.id])
  const [delivery] = (await api.listDeliveries({})).items
  assert.deepEqual([delivery?.outcome, delivery?.buildId], ['queued', build.id])
})

test('a waiting build is cancelled at once, a running one is asked to stop', async (t) => {
  const { api, store, signals } = await createApiForTest(t)
  const waiting = await seedPush(store, pushOf(commits.a), Date.now())
  assert.equal((await api.cancelBuild({ id: waiting })).status, 'cancelled')
  await assert.rejects(api.cancelBuild({ id: waiting }), (err) => err instanceof Failure && err.code === 'conflict')
  const running = await seedPush(store, pushOf(commits.b), Date.now())
  await seedClaim(store, running, Date.now())
  assert.equal((await api.cancelBuild({ id: running })).status, 'building')
  assert.ok(signals.sent.includes('cancel'))
  assert.equal((await store.builds.renew(running, 'seed', 1000, Date.now())).isCancelled, true)
})

test('a rebuild queues the same commit again', async (t) => {
  const { api, store } = await createApiForTest(t)
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  const [live] = (await api.listBuilds({})).items
  const again = await api.rebuild({ id: live?.id ?? '', noCache: true })
  assert.deepEqual([again.commit, again.trigger, again.status], [commits.a, 'rebuild', 'queued'])
})

test('a log is read as text from an offset, and followed until the build ends', async (t) => {
  const { api, store, signals, url } = await createApiForTest(t)
  const buildId = await seedPush(store, pushOf(commits.a), Date.now())
  await seedClaim(store, buildId, Date.now())
  const line = (text: string) => ({
    at: Date.now(),
    step: 'build' as const,
    functionName: 'hello',
    stream: 'stdout' as const,
    text
  })
  await store.logs.append(buildId, [line('one'), line('two\nthree')])

  const text = await fetch(`${url}/api/v1/builds/${buildId}/log?after=1`, {
    headers: { authorization: `Bearer ${token}` }
  })
  assert.equal(await text.text(), '[build hello] two\n[build hello] three\n')

  const followed: string[] = []
  const following = (async () => {
    for await (const chunk of api.followLog(buildId, { follow: true })) followed.push(chunk.text)
  })()
  while (followed.length < 2) await sleep(5)
  await store.logs.append(buildId, [line('four')])
  signals.send('log', { buildId })
  await store.builds.finish(buildId, 'seed', { status: 'failed', reason: 'x' }, Date.now())
  await store.logs.append(buildId, [line('a last word')])
  await following
  assert.deepEqual(followed, ['one', 'two\nthree', 'four', 'a last word'])
})

test('a log that is being followed does not keep the service from stopping, and does not pretend to be whole', async (t) => {
  const { app, store, url } = await createApiForTest(t)
  const buildId = await seedPush(store, pushOf(commits.a), Date.now())
  const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream' }
  const response = await fetch(`${url}/api/v1/builds/${buildId}/log?follow=true`, { headers })
  const reading = response.text().catch(() => '')
  const startedAt = Date.now()
  await app.close()
  assert.ok(Date.now() - startedAt < 2000)
  assert.doesNotMatch(await reading, /event: end/)
})
