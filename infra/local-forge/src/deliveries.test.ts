import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDeliveries } from './deliveries.ts'
import { logger, startReceiver } from './local-forge.fixture.ts'
import type { StateFile, Webhook } from './state.ts'

function createForTest(t: TestContext, url: string) {
  const webhook: Webhook = { id: 1, uuid: 'u', url, secret: null, token: null, signingToken: null, repositoryId: null }
  const lists = { accounts: [], repositories: [], tokens: [], installations: [], checkRuns: [], statuses: [] }
  const state: StateFile = {
    data: { kind: 'github', nextId: 2, webhooks: [webhook], app: null, ...lists },
    nextId: () => state.data.nextId++,
    changed: () => undefined,
    close: () => Promise.resolve()
  }
  const sign = () => ({ 'content-type': 'application/json' })
  const deliveries = createDeliveries({ state, sign, now: Date.now, logger })
  t.after(() => deliveries.close())
  return deliveries
}

const content = (body: unknown) => ({ event: 'push', action: null, repositoryId: 1, repositoryName: 'a/b', body })

test('only the last 500 deliveries are kept, whatever was sent', async (t) => {
  const { url, received } = await startReceiver(t)
  const deliveries = createForTest(t, url)
  for (let i = 1; i <= 520; i++) deliveries.send(content({ i }))
  await deliveries.settled()
  const all = deliveries.all()
  assert.deepEqual([received.length, all.length, all.at(-1)?.body], [520, 500, '{"i":520}'])
})

test('old bodies are let go when all together are too large, and cannot be sent again', async (t) => {
  const { url } = await startReceiver(t)
  const deliveries = createForTest(t, url)
  for (let i = 0; i < 3; i++) deliveries.send(content('x'.repeat(15 * 1024 * 1024)))
  await deliveries.settled()
  const all = deliveries.all()
  assert.deepEqual(
    all.map(({ body, status }) => [body === null, status]),
    [
      [true, 'delivered'],
      [false, 'delivered'],
      [false, 'delivered']
    ]
  )
  await assert.rejects(deliveries.redeliver(all[0]?.id ?? 0), { code: 'not-found' })
})

test('a payload over 25 MiB is recorded as failed and not sent', async (t) => {
  const { url, received } = await startReceiver(t)
  const deliveries = createForTest(t, url)
  deliveries.send(content('x'.repeat(26 * 1024 * 1024)))
  await deliveries.settled()
  assert.deepEqual([received.length, deliveries.all()[0]?.status], [0, 'failed'])
  assert.match(deliveries.all()[0]?.error ?? '', /25 MiB/)
})

test('closing gives up what is on its way', async (t) => {
  const { url, answer, received } = await startReceiver(t)
  answer.delayMs = 60_000
  const deliveries = createForTest(t, url)
  deliveries.send(content({}))
  while (received.length === 0) await sleep(5)
  await deliveries.close()
  assert.equal(deliveries.all()[0]?.status, 'failed')
})
