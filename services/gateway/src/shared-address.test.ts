import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, openSocket, routeTo, startFunction, startTestGateway, until } from './gateway-for-test.ts'

test('a function at a shared address is called below its path and by the name of that address', async (t) => {
  const other = await startFunction(t, (req, res) => {
    const { host, 'x-forwarded-host': forwarded } = req.headers
    res.end(JSON.stringify({ url: req.url, host, forwarded }))
  })
  const endpoint = { ...other.endpoint, path: '/function/alice-echo-1' }
  // As many as there are replicas.
  const { port } = await startTestGateway(t, [routeTo('echo', [endpoint, endpoint])])
  const answer = await ask(port, { path: '/echo/a%20b//c?q=..' })
  assert.deepEqual(JSON.parse(answer.body), {
    url: '/function/alice-echo-1/a%20b//c?q=..',
    host: `127.0.0.1:${other.endpoint.port}`,
    forwarded: 'alice.localhost'
  })
  const bare = await ask(port, { host: 'localhost', path: '/function/alice-echo' })
  assert.equal((JSON.parse(bare.body) as { url: string }).url, '/function/alice-echo-1/')
})

test('a call cannot climb out of the path of its function', async (t) => {
  const seen: string[] = []
  const other = await startFunction(t, (req, res) => {
    seen.push(req.url ?? '')
    res.end('somebody else')
  })
  const { port } = await startTestGateway(t, [routeTo('echo', [{ ...other.endpoint, path: '/function/alice-echo-1' }])])
  const paths = ['/../bob', '/a/../../bob', '/%2e%2E/bob', '/..%2fbob', '/a\\..\\bob', '/%252e%252e/bob', '/..;/bob']
  for (const path of paths) {
    const answer = await ask(port, { path: `/echo${path}` })
    assert.deepEqual([answer.status, answer.json().code], [400, 'invalid-request'], path)
  }
  assert.deepEqual(seen, [])
})

test('a WebSocket reaches a function at a shared address', async (t) => {
  const asked: string[] = []
  const other = await startFunction(t, (_req, res) => res.writeHead(404).end())
  other.server.on('upgrade', (req, socket) => {
    asked.push(req.url ?? '')
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello')
  })
  const { port } = await startTestGateway(t, [routeTo('chat', [{ ...other.endpoint, path: '/function/alice-chat-1' }])])
  const socket = await openSocket(port)
  t.after(() => socket.destroy())
  let text = ''
  socket.on('data', (part: Buffer) => (text += part.toString('latin1')))
  socket.write(
    'GET /chat/room HTTP/1.1\r\nHost: alice.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
  )
  await until(() => text.endsWith('hello'))
  assert.deepEqual(asked, ['/function/alice-chat-1/room'])
})
