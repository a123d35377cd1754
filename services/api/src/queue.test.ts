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
    [null, { kind: 'branch', why: 'an earlier build of its branch', buildId: claim.build.id, at: null }]
  )
})
