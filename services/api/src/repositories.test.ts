import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RouteInput } from '@slipway/client'
import { pushOf, seedPush } from '@slipway/testing'
import { commits, createApiForTest } from './api.fixture.ts'

test('automatic deploys are switched off and on; on again, the push that was left out is queued, and both are in the audit log', async (t) => {
  const { api, store, signals } = await createApiForTest(t)
  await seedPush(store, pushOf(commits.a), Date.now())
  const id = (await api.listRepositories({})).items[0]?.id ?? ''
  assert.equal((await api.updateRepository({ id, isAutomatic: false })).isAutomatic, false)
  const left = await seedPush(store, pushOf(commits.b, { before: commits.a }), Date.now())
  const { status, reason } = await api.getBuild({ id: left })
  assert.deepEqual([status, reason], ['skipped', 'automatic deploys are off'])
  assert.equal((await api.listDeliveries({})).items[0]?.outcome, 'skipped')
  const signalled = signals.sent.length
  const changed = await api.updateRepository({ id, isAutomatic: true, policy: 'override' })
  assert.deepEqual([changed.isAutomatic, changed.policy], [true, 'override'])
  assert.deepEqual(signals.sent.slice(signalled), ['builds'])
  const [newest] = (await api.listBuilds({})).items
  assert.deepEqual([newest?.commit, newest?.trigger, newest?.status], [commits.b, 'resume', 'queued'])
  assert.deepEqual(
    (await api.listAudit({ action: 'set-repository' })).items.map(({ detail }) => detail.after),
    [{ isAutomatic: true, policy: 'override' }, { isAutomatic: false }]
  )
})

test('deliveries are those of one repository where one is named, however many others came since', async (t) => {
  const { api, store } = await createApiForTest(t)
  await seedPush(store, pushOf(commits.a), Date.now())
  const { repository } = pushOf(commits.b)
  const other = { ...repository, forgeRepositoryId: '8', name: 'blog', fullName: 'alice/blog' }
  for (const commit of [commits.b, commits.c]) await seedPush(store, pushOf(commit, { repository: other }), Date.now())
  const idOf = async (name: string) =>
    (await api.listRepositories({})).items.find(({ fullName }) => fullName === name)?.id ?? ''
  const commitsOf = async (input: RouteInput<'listDeliveries'>) =>
    (await api.listDeliveries(input)).items.map(({ commit }) => commit)
  const shop = await idOf('alice/shop')
  assert.deepEqual(await commitsOf({ repository: shop, owner: 'alice', limit: 1 }), [commits.a])
  assert.deepEqual(await commitsOf({ repository: await idOf('alice/blog') }), [commits.c, commits.b])
  await assert.rejects(commitsOf({ repository: 'nothing' }), { code: 'not-found' })
  assert.equal((await commitsOf({})).length, 3)
})

test('what becomes of a running build is a setting of the repository, and its change is in the audit log', async (t) => {
  const { api, store } = await createApiForTest(t)
  await seedPush(store, pushOf(commits.a), Date.now())
  const [repository] = (await api.listRepositories({})).items
  assert.equal(repository?.policy, 'wait')
  const changed = await api.updateRepository({ id: repository?.id ?? '', policy: 'override' })
  assert.deepEqual([changed.policy, changed.isAtomic], ['override', true])
  const [entry] = (await api.listAudit({ owner: 'alice' })).items
  assert.deepEqual(
    [entry?.action, entry?.owner, entry?.detail.after],
    ['set-repository', 'alice', { policy: 'override' }]
  )
  await assert.rejects(api.updateRepository({ id: repository?.id ?? '', policy: 'never' as 'wait' }), {
    code: 'invalid-request'
  })
})
