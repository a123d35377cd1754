import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageOf, pushOf, seedLive, seedPush, specOf } from '@slipway/testing'
import { commits, createApiForTest } from './api.fixture.ts'

test("an owner's builds are kept apart as the administrator says, and the audit knows it", async (t) => {
  const { api, store } = await createApiForTest(t)
  await seedPush(store, pushOf(commits.a), Date.now())
  assert.equal((await api.setBuildIsolation({ owner: 'alice', isolation: 'strict' })).buildIsolation, 'strict')
  assert.equal((await api.listOwners({})).items[0]?.buildIsolation, 'strict')
  assert.equal((await api.setBuildIsolation({ owner: 'alice', isolation: null })).buildIsolation, null)
  const { items } = await api.listAudit({ owner: 'alice' })
  assert.deepEqual(
    items.map(({ action, detail }) => [action, detail]),
    [
      ['set-build-isolation', { before: 'strict', after: null }],
      ['set-build-isolation', { before: null, after: 'strict' }]
    ]
  )
  await assert.rejects(api.setBuildIsolation({ owner: 'nobody', isolation: 'strict' }), { code: 'not-found' })
})

test('a suspended owner is shown with the reason, is refused builds and deploys, and its functions stay', async (t) => {
  const { api, store } = await createApiForTest(t)
  const functions = [{ spec: specOf('hello'), image: imageOf('hello') }]
  await seedLive(store, pushOf(commits.a), functions, Date.now())
  const hello = { owner: 'alice', name: 'hello' }
  const [build] = (await api.listBuilds({})).items
  await assert.rejects(api.setSuspension({ owner: 'alice', isSuspended: true }), { code: 'invalid-request' })
  const owner = await api.setSuspension({ owner: 'alice', isSuspended: true, reason: 'the bill' })
  assert.deepEqual([owner.isListed, owner.suspension?.reason], [true, 'the bill'])
  assert.deepEqual((await api.listOwners({})).items[0]?.suspension, owner.suspension)
  await assert.rejects(api.rebuild({ id: build?.id ?? '' }), { code: 'conflict', message: /the bill/ })
  await assert.rejects(api.redeployFunction(hello), { code: 'conflict', message: /the bill/ })
  const again = await api.setSuspension({ owner: 'alice', isSuspended: true, reason: 'the other bill' })
  assert.equal(again.suspension?.at, owner.suspension?.at)
  assert.equal((await api.getFunction(hello)).live?.commit, commits.a)
  assert.equal((await api.setSuspension({ owner: 'alice', isSuspended: false })).suspension, null)
  assert.equal((await api.rebuild({ id: build?.id ?? '' })).status, 'queued')
  const { items } = await api.listAudit({ owner: 'alice' })
  assert.deepEqual(
    items.filter(({ action }) => /suspend/.test(action)).map(({ action, detail }) => [action, detail]),
    [
      ['unsuspend', { before: 'the other bill', after: null }],
      ['suspend', { before: 'the bill', after: 'the other bill' }],
      ['suspend', { before: null, after: 'the bill' }]
    ]
  )
  await assert.rejects(api.setSuspension({ owner: 'nobody', isSuspended: false }), { code: 'not-found' })
})
