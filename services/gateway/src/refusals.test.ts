import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoint } from '@slipway/domain'
import {
  type Answer,
  ask,
  closedEndpoint,
  openSocket,
  routeTo,
  sendRaw,
  startFunction,
  startTestGateway,
  until
} from './gateway-for-test.ts'

function assertRefused(answer: Answer, status: number, code: string): void {
  assert.equal(answer.status, status)
  assert.equal(answer.headers['content-type'], 'application/json')
  const { message, ...rest } = answer.json()
  assert.deepEqual(rest, { code })
  assert.doesNotMatch(message, /127\.0\.0\.1|:\d{4}/, 'where functions run is nobody’s business')
}

/** Accepts connections and does what it is told with the bytes. */
async function startTcp(t: TestContext, answerWith: string | null): Promise<Endpoint & { accepted: () => number }> {
  let accepted = 0
  const server = createTcpServer((socket) => {
    accepted += 1
    socket.on('error', () => {})
    socket.on('data', () => {
      if (answerWith !== null) socket.end(answerWith)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, accepted: () => accepted }
}

/** Like a removed container: what is sent there is never answered. A stopped process whose queue of connections is full. */
async function silentEndpoint(t: TestContext): Promise<Endpoint> {
  const script =
    "require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () { console.log(this.address().port) })"
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.after(() => child.kill('SIGKILL'))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const port = Number(line.toString())
  child.kill('SIGSTOP')
  for (let i = 0; i < 4; i += 1) {
    const filler = connect(port, '127.0.0.1').on('error', () => {})
    t.after(() => filler.destroy())
  }
  await sleep(50)
  return { host: '127.0.0.1', port }
}

test('the gateway answers 404 for a function that there is not', async (t) => {
  const { port } = await startTestGateway(t, [])
  assertRefused(await ask(port, { path: '/nope' }), 404, 'not-found')
  assertRefused(await ask(port, { host: 'localhost', path: '/function/alice-nope' }), 404, 'not-found')
  assertRefused(await ask(port, { host: 'localhost', path: '/system/functions' }), 404, 'not-found')
})

test('the gateway answers 503 with Retry-After while a function has no replica', async (t) => {
  const { port } = await startTestGateway(t, [routeTo('none', [])])
  const answer = await ask(port, { path: '/none', method: 'POST', body: 'x' })
  assertRefused(answer, 503, 'unavailable')
  assert.equal(answer.headers['retry-after'], '1')
})

test('the gateway answers 502 when no replica accepts a connection', async (t) => {
  const dead = await Promise.all([closedEndpoint(t), closedEndpoint(t)])
  const { port } = await startTestGateway(t, [routeTo('dead', dead)])
  const answer = await ask(port, { path: '/dead', method: 'POST', body: 'x' })
  assertRefused(answer, 502, 'bad-gateway')
  assert.match(answer.json().message, /dead\.alice/)
})

test('the gateway answers 502 when a function hangs up or does not speak HTTP', async (t) => {
  for (const words of [
    '',
    'hello',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'
  ]) {
    const fn = await startTcp(t, words)
    const { port } = await startTestGateway(t, [routeTo('odd', [fn])])
    assertRefused(await ask(port, { path: '/odd' }), 502, 'bad-gateway')
    assert.equal(fn.accepted(), 1, 'what was sent once is not sent again')
  }
})

test('the gateway answers 502 for an upgrade that nobody asked for, and for an endless head', async (t) => {
  for (const words of [
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    `HTTP/1.1 200 OK\r\n${'x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n'.repeat(4000)}`
  ]) {
    const { port } = await startTestGateway(t, [routeTo('odd', [await startTcp(t, words)])])
    assertRefused(await ask(port, { path: '/odd' }), 502, 'bad-gateway')
  }
})

test('the gateway answers 504 when a function accepts and then says nothing until its write_timeout', async (t) => {
  const paused = await startTcp(t, null)
  const { port, reports } = await startTestGateway(t, [routeTo('paused', [paused], { writeTimeoutMs: 150 })])
  const began = Date.now()
  assertRefused(await ask(port, { path: '/paused', method: 'POST', body: 'x' }), 504, 'gateway-timeout')
  assert.ok(Date.now() - began < 1000)
  await until(() => Object.keys(reports.at(-1)?.inFlight ?? {}).length === 0)
})

test('the gateway cuts an answer that goes on past the write_timeout', async (t) => {
  const endless = await startFunction(t, (_req, res) => {
    const timer = setInterval(() => res.write('more'), 20)
    res.on('close', () => clearInterval(timer))
  })
  const { port } = await startTestGateway(t, [routeTo('endless', [endless.endpoint], { writeTimeoutMs: 150 })])
  await assert.rejects(ask(port, { path: '/endless' }))
})

test('the gateway answers 408 when it is the caller who does not send on', async (t) => {
  const fn = await startFunction(t, (req, res) => req.resume().on('end', () => res.end('ok')))
  const { port } = await startTestGateway(t, [routeTo('fn', [fn.endpoint], { writeTimeoutMs: 150 })])
  const head = 'POST /fn HTTP/1.1\r\nHost: alice.localhost\r\nContent-Length: 10\r\n\r\n12345'
  const text = await sendRaw(port, head)
  assert.match(text, /^HTTP\/1.1 408 /)
  assert.match(text, /"code":"request-timeout"/)
})

test('the gateway answers 413 for a body over the limit, announced or not', async (t) => {
  let received = 0
  const fn = await startFunction(t, (req, res) => {
    req.on('data', (part: Buffer) => {
      received += part.length
    })
    req.on('end', () => res.end('ok'))
  })
  const { port } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])], { BODY_LIMIT_BYTES: '1000' })
  assert.equal((await ask(port, { method: 'POST', path: '/fn', body: 'x'.repeat(1000) })).status, 200)
  received = 0
  const announced = await ask(port, { method: 'POST', path: '/fn', body: 'x'.repeat(1001) })
  assertRefused(announced, 413, 'payload-too-large')
  assert.equal(received, 0, 'it is refused before it is read')
  const chunked = await sendRaw(
    port,
    `POST /fn HTTP/1.1\r\nHost: alice.localhost\r\nTransfer-Encoding: chunked\r\n\r\n${'1f4\r\n'.concat('x'.repeat(500), '\r\n').repeat(3)}`
  )
  assert.match(chunked, /^HTTP\/1.1 413 /)
  assert.match(chunked, /"code":"payload-too-large"/)
})

test('the gateway answers 413 to a caller who goes on sending: it sees the answer, and is cut soon after', async (t) => {
  const fn = await startFunction(t, (req) => req.resume())
  const { port } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])], { BODY_LIMIT_BYTES: '1000' })
  const socket = await openSocket(port)
  let text = ''
  socket.on('data', (part) => {
    text += part.toString()
  })
  socket.on('error', () => {})
  socket.write('POST /fn HTTP/1.1\r\nHost: alice.localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
  const endless = setInterval(() => socket.write(`1000\r\n${'x'.repeat(4096)}\r\n`), 5)
  await until(() => socket.closed)
  clearInterval(endless)
  assert.match(text, /^HTTP\/1.1 413 /)
})

test('the gateway answers 429 when a function has as many calls as it may', async (t) => {
  const held: (() => void)[] = []
  const fn = await startFunction(t, (_req, res) => held.push(() => res.end('ok')))
  const { port } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])], { IN_FLIGHT_LIMIT: '2' })
  const first = [ask(port, { path: '/fn' }), ask(port, { path: '/fn' })]
  await until(() => held.length === 2)
  const answer = await ask(port, { path: '/fn' })
  assertRefused(answer, 429, 'too-many-requests')
  assert.equal(answer.headers['retry-after'], '1')
  for (const finish of held) finish()
  for (const { status } of await Promise.all(first)) assert.equal(status, 200)
})

test('the gateway answers 503 while it does not know its routes yet, and 200 when the store came', async (t) => {
  const fn = await startFunction(t, (_req, res) => res.end('ok'))
  const gateway = await startTestGateway(t, [routeTo('fn', [fn.endpoint])], { TEST_STORE_AWAY: 'true' })
  assertRefused(await ask(gateway.port, { path: '/fn' }), 503, 'unavailable')
  assert.equal((await ask(gateway.port, { host: 'localhost', path: '/readyz' })).status, 503)
  gateway.storeIsAway(false)
  await until(() => gateway.reports.length > 0)
  assert.equal((await ask(gateway.port, { path: '/fn' })).body, 'ok')
  assert.equal((await ask(gateway.port, { host: 'localhost', path: '/readyz' })).status, 200)
})

test('another replica is asked when one does not accept, with the whole body, and the dead one is left alone', async (t) => {
  const alive = await startFunction(t, (req, res) => {
    let bytes = 0
    req.on('data', (part: Buffer) => {
      bytes += part.length
    })
    req.on('end', () => res.end(String(bytes)))
  })
  const { port } = await startTestGateway(t, [routeTo('fn', [await closedEndpoint(t), alive.endpoint])])
  for (let i = 0; i < 6; i += 1) {
    const answer = await ask(port, { method: 'POST', path: '/fn', body: 'x'.repeat(200_000) })
    assert.equal(answer.body, '200000')
  }
})

test('another replica is asked after 500 ms when an address does not answer at all', async (t) => {
  const alive = await startFunction(t, (_req, res) => res.end('ok'))
  const { port } = await startTestGateway(t, [routeTo('fn', [await silentEndpoint(t), alive.endpoint])])
  const began = Date.now()
  for (let i = 0; i < 4; i += 1) assert.equal((await ask(port, { path: '/fn' })).body, 'ok')
  const took = Date.now() - began
  assert.ok(took > 400 && took < 1500, `${took} ms`)
})

test('another replica is never asked once a byte was sent', async (t) => {
  const hangsUp = await startTcp(t, '')
  let calls = 0
  const other = await startFunction(t, (_req, res) => {
    calls += 1
    res.end('ok')
  })
  const { port } = await startTestGateway(t, [routeTo('fn', [hangsUp, other.endpoint])])
  const statuses = []
  for (let i = 0; i < 4; i += 1) statuses.push((await ask(port, { method: 'POST', path: '/fn', body: 'x' })).status)
  assert.deepEqual(
    statuses.toSorted((a, b) => a - b),
    [200, 200, 502, 502]
  )
  assert.equal(calls, 2)
})

test('another replica takes its turn', async (t) => {
  const names = ['a', 'b', 'c']
  const functions = await Promise.all(names.map((name) => startFunction(t, (_req, res) => res.end(name))))
  const { port } = await startTestGateway(t, [
    routeTo(
      'fn',
      functions.map(({ endpoint }) => endpoint)
    )
  ])
  const answers = []
  for (let i = 0; i < 6; i += 1) answers.push((await ask(port, { path: '/fn' })).body)
  assert.equal(answers.toSorted().join(''), 'aabbcc')
})
