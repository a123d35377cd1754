import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { type TestContext, test } from 'node:test'
import {
  ask,
  openSocket,
  readBody,
  routeTo,
  sendRaw,
  startFunction,
  startTestGateway,
  until
} from './gateway-for-test.ts'

/** A gateway with one function that remembers what reached it. */
async function startTrap(t: TestContext, env: Record<string, string> = {}) {
  const reached: string[] = []
  const fn = await startFunction(t, async (req: IncomingMessage, res) => {
    const told = `${req.method} ${req.url} ${await readBody(req).catch(() => 'broken off')}`
    reached.push(told)
    res.end(told)
  })
  const gateway = await startTestGateway(t, [routeTo('fn', [fn.endpoint])], env)
  return { ...gateway, reached }
}

const statusOf = (text: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1])
const isAnswered = (text: string) => statusOf(text) > 0
const countOf = (text: string) => text.split('HTTP/1.1 ').length - 1

test('a hostile request with two readings of where it ends reaches nobody a second time', async (t) => {
  const { port, reached } = await startTrap(t)
  const inner = 'GET /fn/smuggled HTTP/1.1\r\nHost: alice.localhost\r\n\r\n'
  const post = 'POST /fn HTTP/1.1\r\nHost: alice.localhost\r\n'
  const attacks = {
    'length and chunked': `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`,
    'chunked and length': `${post}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${inner}`,
    'two lengths': `${post}Content-Length: 0\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
    'two equal lengths': `${post}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx${inner}`,
    'a list of lengths': `${post}Content-Length: 0, ${inner.length}\r\n\r\n${inner}`,
    'a signed length': `${post}Content-Length: +${inner.length}\r\n\r\n${inner}`,
    'a folded header': `${post}X-A: b\r\n Content-Length: 0\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
    'a folded coding': `${post}Transfer-Encoding:\r\n chunked\r\nContent-Length: 0\r\n\r\n${inner}`,
    'a space before the colon': `${post}Content-Length : 0\r\n\r\n${inner}`,
    'a coding that is none': `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${inner}`,
    'a coding after chunked': `${post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${inner}`,
    'two codings': `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n${inner}`,
    'a bare line feed in a chunk': `${post}Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n${inner}`,
    'a chunk that is too long': `${post}Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n${inner}`,
    'a chunk of negative size': `${post}Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n${inner}`,
    'a carriage return alone': `${post}X-A: b\rContent-Length: 0\r\n\r\n${inner}`,
    'a NUL in a header': `${post}X-A: \0\r\n\r\n${inner}`
  }
  for (const [name, bytes] of Object.entries(attacks)) {
    reached.length = 0
    // It returns once the connection is used no more.
    const text = await sendRaw(port, bytes)
    assert.ok(countOf(text) <= 1, `${name}: answered ${text}`)
    assert.ok(text === '' || statusOf(text) === 400, `${name}: answered ${text}`)
    assert.deepEqual(
      reached.filter((told) => told.includes('smuggled')),
      [],
      name
    )
  }
})

test('a hostile request with a chunked body is framed anew for the function', async (t) => {
  const { port, reached } = await startTrap(t)
  const chunked =
    'POST /fn HTTP/1.1\r\nHost: alice.localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n'
  await sendRaw(port, `${chunked}1;ext=1\r\nx\r\n2\r\nyz\r\n0\r\nX-Trailer: 9\r\n\r\n`)
  assert.deepEqual(reached, ['POST / xyz'])
  await sendRaw(
    port,
    'DELETE /fn HTTP/1.1\r\nHost: alice.localhost\r\nContent-Length: 1\r\nConnection: content-length, close\r\n\r\nx'
  )
  assert.deepEqual(reached.slice(1), ['DELETE / x'])
})

test('a hostile request with hosts that nobody can tell apart is refused', async (t) => {
  const { port, reached } = await startTrap(t)
  for (const head of [
    'GET /fn HTTP/1.1\r\nHost: alice.localhost\r\nHost: bob.localhost\r\n\r\n',
    'GET /fn HTTP/1.1\r\nHost: alice.localhost\r\nhOsT: alice.localhost\r\n\r\n',
    'GET /fn HTTP/1.1\r\n\r\n',
    'GET /fn HTTP/1.1\r\nHost: alice.localhost, bob.localhost\r\n\r\n',
    'GET /fn HTTP/1.1\r\nHost: alice.localhost:80:80\r\n\r\n',
    'GET http://bob.localhost/fn HTTP/1.1\r\nHost: alice.localhost\r\n\r\n',
    'GET alice.localhost/fn HTTP/1.1\r\nHost: alice.localhost\r\n\r\n',
    'CONNECT alice.localhost:80 HTTP/1.1\r\nHost: alice.localhost\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: alice.localhost\r\n\r\n',
    'GET /fn/a\\..\\x HTTP/1.1\r\nHost: alice.localhost\r\n\r\n',
    'GET /fn/../x HTTP/1.1\r\nHost: alice.localhost\r\n\r\n',
    'GET /fn/%2e%2e/x HTTP/1.1\r\nHost: alice.localhost\r\n\r\n'
  ]) {
    const text = await sendRaw(port, head, isAnswered)
    assert.equal(statusOf(text), 400, `${head} answered ${text}`)
  }
  // The second Host hidden behind more headers than a parser would list.
  const many = 'a:b\r\n'.repeat(2500)
  const text = await sendRaw(
    port,
    `GET /fn HTTP/1.1\r\nHost: alice.localhost\r\n${many}Host: bob.localhost\r\n\r\n`,
    isAnswered
  )
  assert.equal(statusOf(text), 400)
  assert.deepEqual(reached, [])
})

test('a hostile request that is no HTTP, or too much of it, is told so in JSON', async (t) => {
  const { port } = await startTrap(t)
  for (const [bytes, status] of [
    ['hello\r\n\r\n', 400],
    ['GET / HTTP/9.9\r\n\r\n', 400],
    ['\x16\x03\x01\x02\x00\x01\x00', 400],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    [`GET /fn HTTP/1.1\r\nHost: alice.localhost\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
    [`GET /fn?${'x'.repeat(40_000)} HTTP/1.1\r\nHost: alice.localhost\r\n\r\n`, 431]
  ] as const) {
    const text = await sendRaw(port, bytes)
    assert.equal(statusOf(text), status, `${bytes.slice(0, 30)} answered ${text}`)
    const body = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)) as { code: string }
    assert.equal(body.code, 'invalid-request')
  }
})

test('a hostile request that asks for the platform’s own paths of a function reaches it by no spelling', async (t) => {
  const { port, reached } = await startTrap(t)
  for (const path of ['/fn/_/ready', '/fn//_/ready', '/fn/%5f/ready', '/fn/./_/ready', '/fn/%2e/%5F%2fready']) {
    assert.equal((await ask(port, { path })).status, 404, path)
  }
  assert.deepEqual(reached, [])
})

test('a hostile request for an upgrade to something else than WebSocket is an ordinary one', async (t) => {
  const { port, reached } = await startTrap(t)
  const text = await sendRaw(
    port,
    'POST /fn HTTP/1.1\r\nHost: alice.localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\nContent-Length: 1\r\n\r\nx'
  )
  assert.equal(statusOf(text), 200)
  assert.deepEqual(reached, ['POST / x'])
})

test('a hostile request one byte at a time is given up after the time for heads', async (t) => {
  const { port } = await startTrap(t, { HEAD_TIMEOUT_MS: '300' })
  const socket = await openSocket(port)
  let text = ''
  socket.on('data', (part) => (text += part.toString())).on('error', () => {})
  socket.write('GET /fn HTTP/1.1\r\nHost: alice.localhost\r\n')
  const dripping = setInterval(() => socket.write('x'), 50)
  await until(() => socket.closed)
  clearInterval(dripping)
  assert.equal(statusOf(text), 408)
})

test('a hostile request behind another on its connection waits its turn and is answered in order', async (t) => {
  const { port } = await startTrap(t)
  const get = (path: string) => `GET /fn${path} HTTP/1.1\r\nHost: alice.localhost\r\n\r\n`
  const text = await sendRaw(port, get('/1') + get('/2') + get('/_/x') + get('/3'), (all) => all.includes('GET /3'))
  assert.deepEqual(
    [...text.matchAll(/^GET \/(\d)|"code"/gm)].map(([, n]) => n ?? 'refused'),
    ['1', '2', 'refused', '3']
  )
})
