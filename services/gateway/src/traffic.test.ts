import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latencyCell, minuteMs, type TrafficBatch } from '@slipway/domain'
import { createLogger } from '@slipway/service/logger'
import { ask, routeTo, startFunction, startTestGateway, until } from './gateway-for-test.ts'
import { createTally } from './tally.ts'
import { createTrafficFeed } from './traffic-feed.ts'
import { createUpstream } from './upstream.ts'

const hello = createUpstream(routeTo('hello', []))
const logger = createLogger('test', 'silent')

test('a stopping gateway hands over what it counted: calls, answers, latency, and how many ran at a time', async (t) => {
  const answers: (() => void)[] = []
  const { endpoint } = await startFunction(t, (req, res) => {
    res.statusCode = req.url === '/fail' ? 503 : 200
    answers.push(() => res.end())
    // Only when all are there.
    if (answers.length === 3) setTimeout(() => answers.forEach((end) => end()), 30)
  })
  const { port, batches, close } = await startTestGateway(t, [routeTo('hello', [endpoint])])
  await Promise.all(['/hello', '/hello', '/hello/fail'].map((path) => ask(port, { path })))
  await ask(port, { path: '/nobody' })
  await close()
  const parts = batches.flatMap((batch) => batch.parts)
  assert.deepEqual([...new Set(parts.map((part) => `${part.ownerId}/${part.functionName}`))], ['o-alice/hello'])
  const sum = (read: (part: (typeof parts)[number]) => number) => parts.reduce((all, part) => all + read(part), 0)
  assert.deepEqual([sum((part) => part.calls), sum((part) => part.codes['200'] ?? 0)], [3, 2])
  assert.equal(
    sum((part) => part.codes['503'] ?? 0),
    1
  )
  assert.equal(
    sum((part) => part.latency.slice(latencyCell(29)).reduce((all, one) => all + one, 0)),
    3
  )
  assert.equal(Math.max(...parts.map((part) => part.running)), 3)
  assert.ok(parts.every((part) => part.at % minuteMs === 0))
})

test('what still runs is told in each stretch of time, what ended once', () => {
  const tally = createTally()
  tally.began(hello)
  tally.began(hello)
  tally.ended(hello, 200, 0.01)
  const told = () => tally.take(0).map(({ calls, codes, running }) => [calls, codes, running])
  assert.deepEqual(told(), [[1, { 200: 1 }, 2]])
  assert.deepEqual(told(), [[0, {}, 1]])
  tally.ended(hello, 799, 1000)
  assert.deepEqual(told(), [[1, { other: 1 }, 1]])
  assert.deepEqual(told(), [])
})

test('a batch is sent again until it is taken, and none before it is', async () => {
  const tally = createTally()
  const sent: TrafficBatch[] = []
  let isAway = true
  const sender = {
    send: async (batch: TrafficBatch) => {
      sent.push(batch)
      if (isAway) throw new Error('away')
    }
  }
  const feed = createTrafficFeed({ tally, sender, gatewayId: 'g', now: Date.now, logger, periodMs: 20 })
  const call = () => {
    tally.began(hello)
    tally.ended(hello, 200, 0.01)
  }
  call()
  await until(() => sent.length > 2)
  call()
  await until(() => sent.length > 4)
  assert.deepEqual(new Set(sent.map((batch) => batch.number)), new Set([1]))
  isAway = false
  await until(() => sent.at(-1)?.number === 2)
  call()
  await feed.close()
  assert.deepEqual(
    sent.slice(-2).map(({ sender, number, parts }) => [sender, number, parts[0]?.calls]),
    [
      ['g', 2, 1],
      ['g', 3, 1]
    ]
  )
})

test('calls are counted for the minute in which they were taken up, though they are handed on in the next', async () => {
  const tally = createTally()
  let now = 3 * minuteMs - 10
  const sent: TrafficBatch[] = []
  const sender = { send: async (batch: TrafficBatch) => void sent.push(batch) }
  const feed = createTrafficFeed({ tally, sender, gatewayId: 'g', now: () => now, logger, periodMs: 5000 })
  tally.began(hello)
  tally.ended(hello, 200, 0.01)
  now = 3 * minuteMs + 1
  await until(() => sent.length === 1)
  tally.began(hello)
  tally.ended(hello, 200, 0.01)
  await feed.close()
  assert.deepEqual(
    sent.map(({ parts }) => parts[0]?.at),
    [2 * minuteMs, 3 * minuteMs]
  )
})
