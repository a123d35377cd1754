import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pushOf, seedPush } from '@slipway/testing'
import { commits, createApiForTest } from './api.fixture.ts'

const url = 'https://hooks.test/secret-path'

test('an address is added, shown without its path or secret, and removed; the audit has neither', async (t) => {
  const { api, store } = await createApiForTest(t)
  await seedPush(store, pushOf(commits.a), 1)
  const { notification, secret } = await api.addNotification({
    owner: 'alice',
    kind: 'webhook',
    url,
    topics: ['failed', 'paused']
  })
  assert.match(secret ?? '', /^whsec_/)
  assert.deepEqual(
    [notification.host, notification.topics, notification.last],
    ['hooks.test', ['failed', 'paused'], []]
  )
  const listed = await api.listNotifications({ owner: 'alice' })
  assert.deepEqual(listed.items, [notification])
  assert.ok(!JSON.stringify([listed, await api.listAudit({})]).includes('secret-path'))
  await assert.rejects(api.removeAdminNotification({ id: notification.id }), { code: 'not-found' })
  await api.removeNotification({ owner: 'alice', id: notification.id })
  assert.deepEqual((await api.listNotifications({ owner: 'alice' })).items, [])
})

test('the audit log is told to administrators only', async (t) => {
  const { api, store } = await createApiForTest(t)
  await seedPush(store, pushOf(commits.a), 1)
  const wanted = { kind: 'slack', url, topics: ['audit'] } as const
  await assert.rejects(api.addNotification({ owner: 'alice', ...wanted, topics: ['audit'] }), {
    code: 'invalid-request'
  })
  const { notification, secret } = await api.addAdminNotification({ ...wanted, topics: ['audit'] })
  assert.equal(secret, null)
  assert.deepEqual((await api.listAdminNotifications({})).items, [notification])
  assert.deepEqual((await api.listNotifications({ owner: 'alice' })).items, [])
})

test('a test says whether the message arrived, and why not; afterwards the list shows it', async (t) => {
  const { api, store, signals } = await createApiForTest(t)
  const { notification } = await api.addAdminNotification({ kind: 'webhook', url, topics: ['live'] })
  const outcomes = [
    { status: 'delivered', attempts: 1, nextAttemptAt: 0, reason: null },
    { status: 'dead', attempts: 1, nextAttemptAt: 0, reason: 'the other side answered 500' }
  ] as const
  let turn = 0
  async function settleNext(): Promise<void> {
    const [due] = await store.notifications.due(Date.now(), 1)
    await store.notifications.settle(due?.id ?? '', outcomes[turn++] ?? outcomes[1])
  }
  signals.listen('notify', () => {
    void settleNext()
  })
  const ask = () => api.testAdminNotification({ id: notification.id })
  assert.deepEqual(await ask(), { isDelivered: true, reason: null })
  assert.deepEqual(await ask(), { isDelivered: false, reason: 'the other side answered 500' })
  const [shown] = (await api.listAdminNotifications({})).items
  assert.deepEqual(
    shown?.last.map(({ type, status }) => [type, status]),
    [
      ['test', 'dead'],
      ['test', 'delivered']
    ]
  )
  await assert.rejects(api.testAdminNotification({ id: 'none' }), { code: 'not-found' })
})
