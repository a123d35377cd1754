import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure, type ReceivedDelivery } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { pushOf } from '@slipway/testing'
import { createScene, start } from './forge.fixture.ts'
import { createMissedDeliveries } from './missed-deliveries.ts'

const commit = (i: number) => String(i).padStart(40, 'a')
const pushed = (i: number): ReceivedDelivery => ({
  deliveryId: `guid-${i}`,
  eventName: 'push',
  event: { kind: 'push', push: pushOf(commit(i)) }
})

async function createForTest(t: TestContext) {
  const scene = await createScene(t)
  const { state, common, opened } = scene
  let recorded = 0
  return {
    ...scene,
    miss(i: number, delivery: ReceivedDelivery | Failure | null = pushed(i), deliveredAt = start - 1000 + i) {
      const missed = { attemptId: String(i), deliveryId: `guid-${i}`, eventName: 'push', deliveredAt }
      state.missed.push({ missed, delivery })
    },
    begin() {
      const loop = createMissedDeliveries({
        ...common,
        everyMs: 1000,
        recorded: () => {
          recorded += 1
        }
      })
      opened.push(loop)
    },
    recorded: () => recorded,
    fetched: () => state.calls.filter((call) => call.startsWith('delivery')).length,
    rounds: () => state.calls.filter((call) => call === 'missed').length
  }
}

test('what did not arrive is fetched and recorded like what did, once', async (t) => {
  const { miss, begin, recorded, fetched, rounds, store, waiting, pass } = await createForTest(t)
  await store.deliveries.record([{ forgeId: 'github', delivery: pushed(1) }], null, start)
  miss(1)
  miss(2)
  const event: ReceivedDelivery['event'] = {
    kind: 'installation',
    action: 'created',
    installationId: '3',
    owner: { forgeOwnerId: '1', login: 'alice' },
    forgeRepositoryIds: []
  }
  miss(3, { deliveryId: 'guid-3', eventName: 'installation', event })
  begin()
  await waitFor(() => recorded() === 2, { timeoutMs: 20_000, what: 'the deliveries' })
  assert.equal(fetched(), 2, 'what is recorded already is not even fetched')
  assert.deepEqual(await waiting(), ['push a', 'push a'])
  assert.equal((await store.deliveries.due(start, 10))[0]?.event.kind, 'installation')
  pass(1200)
  await waitFor(() => rounds() === 2, { timeoutMs: 20_000 })
  assert.deepEqual([recorded(), fetched()], [2, 2])
})

test('where it has got to is kept, and what is older is not asked for again after a restart', async (t) => {
  const { miss, begin, recorded, store, pass, rounds, fetched, opened } = await createForTest(t)
  miss(1)
  begin()
  await waitFor(() => recorded() === 1, { timeoutMs: 20_000 })
  const key = 'missed-deliveries/github'
  const cursor = await waitFor(() => store.settings.get(key), { timeoutMs: 20_000, what: 'the cursor' })
  assert.equal(Number(cursor), start - 600_000, 'ten minutes overlap, for attempts that were under way')
  await opened.pop()?.close()
  pass(60_000)
  miss(2, pushed(2), start - 700_000)
  miss(3, pushed(3), start + 30_000)
  begin()
  await waitFor(() => recorded() === 2, { timeoutMs: 20_000 })
  assert.deepEqual([rounds(), fetched()], [2, 2])
})

test('many are taken up round by round, and the cursor waits for the last', async (t) => {
  const { miss, begin, recorded, store, pass } = await createForTest(t)
  for (let i = 1; i <= 120; i++) miss(i)
  begin()
  await waitFor(() => recorded() === 50, { timeoutMs: 20_000 })
  await sleep(30)
  assert.equal(await store.settings.get('missed-deliveries/github'), null)
  for (const count of [100, 120]) {
    pass(1200)
    await waitFor(() => recorded() === count, { timeoutMs: 20_000 })
  }
  await waitFor(() => store.settings.get('missed-deliveries/github'), { timeoutMs: 20_000 })
})

test('what cannot be read, or is kept no more, is not asked for again and holds nobody up', async (t) => {
  const { miss, begin, recorded, fetched, pass, rounds } = await createForTest(t)
  miss(1, new Failure('invalid-payload', 'no push'))
  miss(2, null)
  miss(3)
  begin()
  await waitFor(() => recorded() === 1, { timeoutMs: 20_000 })
  pass(1200)
  await waitFor(() => rounds() === 2, { timeoutMs: 20_000 })
  assert.equal(fetched(), 3)
})

test('a forge that fails half-way is asked again for the rest', async (t) => {
  const { miss, begin, recorded, pass, forge } = await createForTest(t)
  miss(1)
  miss(2)
  const { fetchDelivery } = forge
  let calls = 0
  forge.fetchDelivery = (...args) => {
    calls += 1
    return calls === 2 ? Promise.reject(new Failure('unavailable', 'away')) : fetchDelivery(...args)
  }
  begin()
  await waitFor(() => calls === 2, { timeoutMs: 20_000 })
  assert.equal(recorded(), 1)
  pass(2000)
  await waitFor(() => recorded() === 2, { timeoutMs: 20_000, what: 'the rest' })
})
