import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ask,
  closedEndpoint,
  openSocket,
  routeTo,
  sendRaw,
  startFunction,
  startTestGateway,
  until
} from './gateway-for-test.ts'

const key = 'dGhlIHNhbXBsZSBub25jZQ=='
const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
const handshake = (path: string, more = '') =>
  `GET ${path} HTTP/1.1\r\nHost: alice.localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${more}\r\n`

/** Accepts every handshake but those at /no, and echoes bytes. */
async function startEcho(t: TestContext) {
  const heads: string[] = []
  const sockets: Socket[] = []
  const echo = await startFunction(t, (_req, res) => res.writeHead(426).end('upgrade, please'))
  echo.server.on('upgrade', (req, socket: Socket, head: Buffer) => {
    heads.push(
      [req.url, req.headers['x-forwarded-for'], req.headers['sec-websocket-key'], req.headers.connection].join(' ')
    )
    socket.on('error', () => {})
    if (req.url === '/no') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno')
      return
    }
    sockets.push(socket)
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\nSet-Cookie: a\r\n\r\nhello`
    )
    if (head.length > 0) socket.write(head)
    socket.pipe(socket)
  })
  return { ...echo, heads, sockets }
}

async function openWebSocket(port: number, path: string) {
  const socket = await openSocket(port)
  const seen = { text: '' }
  socket.on('data', (part) => (seen.text += part.toString('latin1')))
  socket.on('error', () => {})
  socket.write(handshake(path))
  return { socket, seen }
}

test('a WebSocket is joined to its function: handshake, first bytes and frames of both sides', async (t) => {
  const echo = await startEcho(t)
  const writeTimeoutMs = 1500
  const { port, reports } = await startTestGateway(t, [routeTo('ws', [echo.endpoint], { writeTimeoutMs })])
  const { socket, seen } = await openWebSocket(port, '/ws/chat?x=1')
  await until(() => seen.text.endsWith('hello'))
  assert.match(seen.text, /^HTTP\/1.1 101 Switching Protocols\r\n/)
  assert.ok(seen.text.includes(`Sec-WebSocket-Accept: ${accept}\r\n`))
  assert.ok(seen.text.includes('Set-Cookie: a\r\n'))
  assert.match(seen.text, /X-Call-Id: /)
  assert.deepEqual(echo.heads, [`/chat?x=1 127.0.0.1 ${key} upgrade`])
  // It lives longer than the time for an answer, and counts as in flight.
  await sleep(writeTimeoutMs)
  await until(() => reports.at(-1)?.inFlight['d-ws'] === 1)
  const frame = Buffer.alloc(300_000, '\x82').toString('latin1')
  socket.write(frame, 'latin1')
  await until(() => seen.text.endsWith(frame))
  socket.end()
  await once(socket, 'close')
  await until(() => Object.keys(reports.at(-1)?.inFlight ?? {}).length === 0)
})

test('a WebSocket passes on what came with the handshake in one packet', async (t) => {
  const echo = await startEcho(t)
  const { port } = await startTestGateway(t, [routeTo('ws', [echo.endpoint])])
  const text = await sendRaw(port, `${handshake('/ws')}early`, (all) => all.includes('helloearly'))
  assert.ok(text.endsWith('helloearly'))
})

test('a WebSocket ends when the function ends it, and counts where it began after a switch', async (t) => {
  const echo = await startEcho(t)
  const next = await startEcho(t)
  const { port, reports, setRoutes } = await startTestGateway(t, [routeTo('ws', [echo.endpoint])])
  const { socket, seen } = await openWebSocket(port, '/ws')
  await until(() => seen.text.endsWith('hello'))
  await setRoutes([routeTo('ws', [next.endpoint], { deploymentId: 'd2' })])
  assert.deepEqual(reports.at(-1)?.inFlight, { 'd-ws': 1 })
  for (const far of echo.sockets) far.end('bye')
  await until(() => socket.closed)
  assert.ok(seen.text.endsWith('bye'))
  await until(() => Object.keys(reports.at(-1)?.inFlight ?? {}).length === 0)
})

test('a WebSocket whose caller ended is over, though the function goes on', async (t) => {
  const deaf = await startFunction(t, () => {})
  deaf.server.on('upgrade', (_req, socket: Socket) => {
    socket.on('error', () => {})
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello')
  })
  const { port, reports } = await startTestGateway(t, [routeTo('ws', [deaf.endpoint])])
  const { socket, seen } = await openWebSocket(port, '/ws')
  await until(() => seen.text.endsWith('hello'))
  await until(() => reports.at(-1)?.inFlight['d-ws'] === 1)
  socket.end()
  await until(() => Object.keys(reports.at(-1)?.inFlight ?? {}).length === 0)
  await until(() => socket.closed)
})

test('a WebSocket is refused in the function’s own words', async (t) => {
  const echo = await startEcho(t)
  const { port } = await startTestGateway(t, [routeTo('ws', [echo.endpoint])])
  const text = await sendRaw(port, handshake('/ws/no'))
  assert.match(text, /^HTTP\/1.1 403 Forbidden\r\n/)
  assert.match(text, /Connection: close/)
  assert.ok(text.endsWith('no'))
  assert.equal((await ask(port, { path: '/ws' })).status, 426)
})

test('a WebSocket is refused by the gateway in JSON', async (t) => {
  const { port } = await startTestGateway(t, [routeTo('dead', [await closedEndpoint(t)]), routeTo('none', [])])
  for (const [path, status, more] of [
    ['/nope', 404, ''],
    ['/none', 503, ''],
    ['/dead', 502, ''],
    ['/dead/_/x', 404, ''],
    ['/dead', 400, 'Content-Length: 3\r\n'],
    ['/dead', 400, 'Transfer-Encoding: chunked\r\n'],
    ['/dead', 400, 'Host: bob.localhost\r\n']
  ] as const) {
    const text = await sendRaw(port, handshake(path, more))
    assert.ok(text.startsWith(`HTTP/1.1 ${status} `), `${path} ${more}: ${text}`)
    assert.match(text, /"code":"/)
  }
})

test('a WebSocket tries another replica when one does not accept', async (t) => {
  const echo = await startEcho(t)
  const { port } = await startTestGateway(t, [routeTo('ws', [await closedEndpoint(t), echo.endpoint])])
  for (let i = 0; i < 3; i += 1) {
    const text = await sendRaw(port, handshake('/ws'), (all) => all.includes('hello'))
    assert.ok(text.endsWith('hello'))
  }
})
