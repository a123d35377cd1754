import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { type TestContext, test } from 'node:test'
import type { Endpoint, Readiness } from '@slipway/domain'
import { specOf } from '@slipway/testing'
import { waitUntilReady } from './readiness.ts'

const readiness: Readiness = { ...specOf('hello').readiness, periodMs: 20, timeoutMs: 500, failureThreshold: 1 }
const limits = { readyTimeoutMs: 700, now: Date.now }
const signal = () => AbortSignal.timeout(10_000)

async function listen(t: TestContext, answer: RequestListener): Promise<Endpoint> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return { host: '127.0.0.1', port: address.port }
}

test('2xx is ready, at the first time of asking', async (t) => {
  const asked: string[] = []
  const endpoint = await listen(t, (req, res) => {
    asked.push(`${req.method} ${req.url}`)
    res.writeHead(204).end()
  })
  assert.equal(await waitUntilReady(endpoint, readiness, limits, false, signal()), null)
  assert.deepEqual(asked, ['GET /_/ready'])
})

test('it is asked again until it is ready, busy answers included', async (t) => {
  const statuses = [503, 429, 404, 200]
  const endpoint = await listen(t, (_, res) => res.writeHead(statuses.shift() ?? 500).end())
  assert.equal(await waitUntilReady(endpoint, readiness, limits, false, signal()), null)
})

test('one that serves already may be busy, but nothing worse', async (t) => {
  const busy = await listen(t, (_, res) => res.writeHead(429).end())
  assert.equal(await waitUntilReady(busy, { ...readiness, successThreshold: 3 }, limits, true, signal()), null)
  const broken = await listen(t, (_, res) => res.writeHead(503).end())
  assert.match((await waitUntilReady(broken, readiness, limits, true, signal())) ?? '', /answered 503/)
})

test('with a success threshold it must be ready so many times in a row', async (t) => {
  const statuses = [200, 500, 200, 200, 200]
  const endpoint = await listen(t, (_, res) => res.writeHead(statuses.shift() ?? 500).end())
  const thrice = { ...readiness, successThreshold: 3, periodMs: 100 }
  assert.equal(await waitUntilReady(endpoint, thrice, { ...limits, readyTimeoutMs: 9000 }, false, signal()), null)
  assert.deepEqual(statuses, [])
})

test('it is not asked before its initial delay', async (t) => {
  const startedAt = Date.now()
  let askedAt = 0
  const endpoint = await listen(t, (_, res) => {
    askedAt = Date.now()
    res.end()
  })
  const delayed = { ...readiness, initialDelayMs: 300 }
  assert.equal(await waitUntilReady(endpoint, delayed, { ...limits, readyTimeoutMs: 9000 }, false, signal()), null)
  assert.ok(askedAt - startedAt >= 295)
})

test('thresholds that allow more time than the limit get it', async (t) => {
  const startedAt = Date.now()
  const endpoint = await listen(t, (_, res) => res.writeHead(Date.now() - startedAt < 900 ? 500 : 200).end())
  const patient = { ...readiness, periodMs: 300, failureThreshold: 30 }
  assert.equal(await waitUntilReady(endpoint, patient, limits, false, signal()), null)
})

test('the reason says what came back last, and what to change', async (t) => {
  const answers: [RequestListener, RegExp][] = [
    [
      (_, res) => res.writeHead(500).end(),
      /within 0\.7 s, the limit that READY_TIMEOUT_MS sets: GET \/_\/ready on port 8080 answered 500/
    ],
    [(_, res) => res.writeHead(302, { location: '/' }).end(), /answered 302/],
    [(_, res) => res.writeHead(404).end(), /answered 404: .*com\.openfaas\.ready\.http\.path changes it/],
    [(_, res) => res.writeHead(429).end(), /kept answering 429 \(busy\)/],
    [(req) => req.socket.destroy(), /failed: ECONNRESET/],
    [() => undefined, /no answer within 0\.5 s/]
  ]
  for (const [answer, expected] of answers) {
    const reason = await waitUntilReady(await listen(t, answer), readiness, limits, false, signal())
    assert.match(reason ?? 'ready', expected)
  }
})

test('when nothing listens the reason says so', async () => {
  const reason = await waitUntilReady({ host: '127.0.0.1', port: 1 }, readiness, limits, false, signal())
  assert.match(
    reason ?? 'ready',
    /nothing listens on port 8080, where GET \S+ was asked: .*com\.openfaas\.ready\.http\.path changes it/
  )
})

test('an answer without an end counts by its head', async (t) => {
  const endpoint = await listen(t, (_, res) => res.writeHead(200).write('and so on'))
  assert.equal(await waitUntilReady(endpoint, readiness, limits, false, signal()), null)
})

test('giving up ends the wait with its reason', async (t) => {
  const endpoint = await listen(t, (_, res) => res.writeHead(500).end())
  const reason = new Error('given up')
  const controller = new AbortController()
  setTimeout(() => controller.abort(reason), 100)
  await assert.rejects(
    waitUntilReady(endpoint, readiness, { ...limits, readyTimeoutMs: 9000 }, false, controller.signal),
    reason
  )
})
