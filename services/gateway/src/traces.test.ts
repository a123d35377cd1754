import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { ask, closedEndpoint, readBody, routeTo, startFunction, startTestGateway, until } from './gateway-for-test.ts'
import { createOtlpTraces } from './traces-otlp.ts'

interface Span {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  attributes: { key: string; value: { stringValue?: string; intValue?: number } }[]
  status: { code?: number }
}

interface Told {
  resourceSpans: { scopeSpans: { spans: Span[] }[] }[]
}

/** What a collector is told, and with which headers. */
async function startCollector() {
  const spans: Span[] = []
  const heard: IncomingMessage[] = []
  const server = createServer(async (req, res) => {
    heard.push(req)
    const told = JSON.parse(await readBody(req)) as Told
    for (const { scopeSpans } of told.resourceSpans) for (const scope of scopeSpans) spans.push(...scope.spans)
    res.setHeader('content-type', 'application/json').end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    spans,
    heard,
    close: () => server.close(),
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/otlp/`
  }
}

async function startTraced(t: TestContext, ratio = 1) {
  const collector = await startCollector()
  const given: (string | undefined)[] = []
  const { endpoint, server } = await startFunction(t, (req, res) => {
    given.push(req.headers.traceparent as string | undefined)
    res.writeHead(req.url === '/broken' ? 500 : 200).end()
  })
  const upgrades: Duplex[] = []
  server.on('upgrade', (_req, socket) => {
    upgrades.push(socket)
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  })
  const traces = createOtlpTraces({ endpoint: collector.endpoint, headers: 'x-token=secret, x-more=1', ratio })
  let closing: Promise<void> | null = null
  const close = () => (closing ??= traces.close())
  // What was not told is told at the end: to somebody who is there still.
  t.after(async () => {
    await close()
    collector.close()
  })
  const gateway = await startTestGateway(t, [routeTo('fn', [endpoint])], {}, 0, { traces })
  return { ...collector, ...gateway, given, upgrades, flush: close }
}

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const spanId = '00f067aa0ba902b7'

test('a call is told as a span of the trace that it came in, and the function goes on from it', async (t) => {
  const { port, given, spans, heard, flush } = await startTraced(t)
  await ask(port, { path: '/fn', headers: { traceparent: `00-${traceId}-${spanId}-01`, 'x-call-id': 'c-1' } })
  await ask(port, { path: '/fn/broken' })
  await until(() => given.length === 2)
  await flush()
  const [first, second] = spans
  assert.deepEqual([spans.length, first?.traceId, first?.parentSpanId, first?.name], [2, traceId, spanId, 'fn.alice'])
  assert.equal(given[0], `00-${traceId}-${first?.spanId}-01`)
  const facts = Object.fromEntries((first?.attributes ?? []).map(({ key, value }) => [key, value]))
  assert.deepEqual(
    [facts['http.response.status_code'], facts['faas.invocation_id']],
    [{ intValue: 200 }, { stringValue: 'c-1' }]
  )
  assert.deepEqual([second?.parentSpanId ?? '', second?.status.code], ['', 2])
  assert.equal(given[1], `00-${second?.traceId}-${second?.spanId}-01`)
  assert.deepEqual(
    [heard[0]?.url, heard[0]?.headers['x-token'], heard[0]?.headers['x-more']],
    ['/otlp/v1/traces', 'secret', '1']
  )
})

test('what is no trace begins one', async (t) => {
  const { port, given } = await startTraced(t)
  const none = ['words', `00-${'0'.repeat(32)}-${spanId}-01`, `ff-${traceId}-${spanId}-01`]
  for (const traceparent of none) await ask(port, { path: '/fn', headers: { traceparent } })
  assert.equal(given.length, none.length)
  for (const one of given) {
    assert.match(one ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    assert.ok(!one?.includes(traceId))
  }
})

test('a trace that is not told goes on all the same, marked so', async (t) => {
  const { port, given, spans, flush } = await startTraced(t, 0)
  await ask(port, { path: '/fn', headers: { traceparent: `00-${traceId}-${spanId}-01` } })
  assert.match(given[0] ?? '', new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`))
  await flush()
  assert.deepEqual(spans, [])
})

test('a WebSocket is told by what it was answered, once it has ended', async (t) => {
  const { port, upgrades, spans, reports, flush } = await startTraced(t)
  const headers = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' }
  const asked = request({ port, host: '127.0.0.1', path: '/fn', headers: { host: 'alice.localhost', ...headers } })
  asked.end()
  const [, socket] = (await once(asked, 'upgrade')) as [IncomingMessage, Socket]
  socket.resume()
  await until(() => reports.at(-1)?.inFlight['d-fn'] === 1)
  upgrades[0]?.end()
  await until(() => Object.keys(reports.at(-1)?.inFlight ?? {}).length === 0)
  await flush()
  const status = spans[0]?.attributes.find(({ key }) => key === 'http.response.status_code')
  assert.deepEqual([spans.length, status?.value], [1, { intValue: 101 }])
})

test('a call that is left for later is a part of its trace when it is made', async (t) => {
  const { port, given, spans, flush } = await startTraced(t)
  const headers = { traceparent: `00-${traceId}-${spanId}-01` }
  assert.equal((await ask(port, { method: 'POST', host: 'x', path: '/async-function/fn.alice', headers })).status, 202)
  await until(() => given.length === 1)
  await flush()
  assert.equal(given[0], `00-${traceId}-${spans[0]?.spanId}-01`)
})

test('a collector that is away fails neither calls nor the end', async (t) => {
  const { host, port: away } = await closedEndpoint(t)
  const traces = createOtlpTraces({ endpoint: `http://${host}:${away}`, headers: '', ratio: 1 })
  const { endpoint } = await startFunction(t, (_req, res) => res.end())
  const { port } = await startTestGateway(t, [routeTo('fn', [endpoint])], {}, 0, { traces })
  assert.equal((await ask(port, { path: '/fn' })).status, 200)
  await traces.close()
  assert.equal((await ask(port, { path: '/fn' })).status, 200)
})

test('where nobody takes spans a trace is passed on as it came', async (t) => {
  const given: (string | undefined)[] = []
  const { endpoint } = await startFunction(t, (req, res) => {
    given.push(req.headers.traceparent as string | undefined)
    res.end()
  })
  const { port } = await startTestGateway(t, [routeTo('fn', [endpoint])])
  await ask(port, { path: '/fn', headers: { traceparent: `00-${traceId}-${spanId}-00` } })
  await ask(port, { path: '/fn' })
  assert.deepEqual(given, [`00-${traceId}-${spanId}-00`, undefined])
})
