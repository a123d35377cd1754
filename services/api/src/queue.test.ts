import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slotsSetting } from '@slipway/domain'
import { pushOf, seedClaim, seedPush } from '@slipway/testing'
import { commits, createApiForTest } from './api.fixture.ts'

test('the administrator sees what runs where, whose turn it is and what each waits for', async (t) => {
  const { api, store } = await createApiForTest(t)
  await store.settings.set(slotsSetting, '3')
  const at = Date.now()
  const claim = await seedClaim(store, await seedPush(store, pushOf(commits.a), at), at)
  await seedPush(store, pushOf(commits.b), at)
  const { slots, owners, active, waiting, waitingCount, draining } = await api.getQueue({})
  assert.deepEqual([slots, waitingCount, draining], [{ taken: 1, most: 3 }, 1, []])
  assert.deepEqual(owners, [{ owner: 'alice', building: 1, most: 1, waiting: 1 }])
  const [running] = active
  assert.deepEqual([running?.build.id, running?.waitsFor], [claim.build.id, null])
  assert.deepEqual([running?.worker, running?.leaseUntil], ['seed', at + 60_000])
  assert.equal(waiting[0]?.build.commit, commits.b)
  assert.deepEqual(
    [waiting[0]?.turn, waiting[0]?.waitsFor],
    [null, { kind: 'branch', why: 'an earlier build of its branch comes first', buildId: claim.build.id, at: null }]
  )
})

test('who may see a build sees what it waits for, and nothing of other owners', async (t) => {
  const { api, store } = await createApiForTest(t)
  await store.settings.set(slotsSetting, '1')
  const at = Date.now()
  const { repository } = pushOf(commits.a)
  const bobs = {
    ...repository,
    forgeRepositoryId: '8',
    fullName: 'bob/blog',
    name: 'blog',
    owner: { forgeOwnerId: '2', login: 'bob' }
  }
  const running = await seedPush(store, pushOf(commits.b, { repository: bobs }), at)
  const waitOf = async (id: string) => {
    const { waitsFor, turn } = await api.getBuild({ id })
    return [turn, waitsFor?.kind ?? null, waitsFor?.buildId ?? null]
  }
  assert.deepEqual(await waitOf(running), [1, 'turn', null])
  await seedClaim(store, running, at)
  assert.deepEqual(await waitOf(running), [null, null, null], 'it is worked on')
  const behind = await seedPush(store, pushOf(commits.a), at)
  const next = await seedPush(store, pushOf(commits.b, { before: commits.a }), at)
  assert.deepEqual(await waitOf(behind), [1, 'slot', null])
  assert.doesNotMatch(JSON.stringify((await api.getBuild({ id: behind })).waitsFor), /bob/)
  assert.deepEqual(await waitOf(next), [null, 'branch', behind])
  await api.cancelBuild({ id: next })
  assert.deepEqual(await waitOf(next), [null, null, null])
})
