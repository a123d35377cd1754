import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, openSocket, readBody, routeTo, startFunction, startTestGateway, until } from './gateway-for-test.ts'

test('a call reaches its function with method, path, query and body, byte for byte', async (t) => {
  const echo = await startFunction(t, async (req, res) => {
    res.end(JSON.stringify({ method: req.method, url: req.url, body: await readBody(req), host: req.headers.host }))
  })
  const { port } = await startTestGateway(t, [routeTo('echo', [echo.endpoint])])
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
    const body = method === 'GET' || method === 'OPTIONS' ? '' : 'é\0body'
    const answer = await ask(port, { method, path: '/echo/a%2Fb//%zz?q=%20&&=/../', body })
    assert.equal(answer.status, 200)
    assert.deepEqual(JSON.parse(answer.body), {
      method,
      url: '/a%2Fb//%zz?q=%20&&=/../',
      body,
      host: 'alice.localhost'
    })
  }
  for (const path of ['/function/alice-echo/x?y', '/function/echo.alice/x?y']) {
    assert.equal((JSON.parse((await ask(port, { host: 'localhost', path })).body) as { url: string }).url, '/x?y')
  }
})

test('a call streams both ways: each piece goes on before the next is there', async (t) => {
  const echo = await startFunction(t, (req, res) => {
    req.pipe(res)
  })
  const { port } = await startTestGateway(t, [routeTo('echo', [echo.endpoint])])
  const req = request({ port, method: 'POST', path: '/echo', headers: { host: 'alice.localhost' }, agent: false })
  let text = ''
  let isEnded = false
  req.on('response', (res) => {
    res.on('data', (part: Buffer) => (text += part.toString())).on('end', () => (isEnded = true))
  })
  for (const piece of ['one', 'two', 'three']) {
    req.write(piece)
    await until(() => text.endsWith(piece))
  }
  req.end()
  await until(() => isEnded)
  assert.equal(text, 'onetwothree')
})

test('a call gives the head of an answer and every server-sent event at once', async (t) => {
  const answers: ServerResponse[] = []
  const events = await startFunction(t, (_req, res) => {
    answers.push(res.writeHead(200, { 'content-type': 'text/event-stream' }))
    res.flushHeaders()
  })
  const { port } = await startTestGateway(t, [routeTo('events', [events.endpoint])])
  const req = request({ port, path: '/events', headers: { host: 'alice.localhost' }, agent: false }).end()
  // It comes before there is any event.
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  let seen = ''
  res.on('data', (piece: Buffer) => (seen += piece.toString()))
  // None is sent before the former one was seen.
  for (const event of ['one', 'two', 'three']) {
    answers[0]?.write(`data: ${event}\n\n`)
    await until(() => seen.endsWith(`data: ${event}\n\n`))
  }
  answers[0]?.end()
  await once(res, 'end')
})

test('a call with a large body holds up its caller, not the gateway, while the function does not read', async (t) => {
  const size = 64 * 1024 * 1024
  const chunk = Buffer.alloc(256 * 1024, 'x')
  let read = (): void => {}
  let isReached = false
  let received = 0
  const big = await startFunction(t, (req, res) => {
    isReached = true
    read = () => req.on('data', (part: Buffer) => (received += part.length)).on('end', () => res.end('ok'))
  })
  const { port } = await startTestGateway(t, [routeTo('big', [big.endpoint])])
  const headers = { host: 'alice.localhost', 'content-length': size }
  const req = request({ port, method: 'POST', path: '/big', headers, agent: false })
  const response = once(req, 'response')
  req.write(chunk)
  await until(() => isReached)
  let sent = chunk.length
  while (sent < size) {
    sent += chunk.length
    if (req.write(chunk)) continue
    if ((await Promise.race([once(req, 'drain'), sleep(500)])) === undefined) break
  }
  assert.ok(sent < 24 * 1024 * 1024, `${sent} bytes were taken that nobody read`)
  read()
  await once(req, 'drain')
  for (; sent < size; sent += chunk.length) if (!req.write(chunk)) await once(req, 'drain')
  req.end()
  const [res] = (await response) as [IncomingMessage]
  assert.equal(await readBody(res), 'ok')
  assert.equal(received, size)
})

test('a call with a large answer holds up the function while its caller does not read', async (t) => {
  const size = 64 * 1024 * 1024
  const chunk = Buffer.alloc(256 * 1024, 'x')
  let sent = 0
  const big = await startFunction(t, async (_req, res) => {
    for (; sent < size; sent += chunk.length) if (!res.write(chunk)) await once(res, 'drain')
    res.end()
  })
  const { port } = await startTestGateway(t, [routeTo('big', [big.endpoint])])
  const req = request({ port, path: '/big', headers: { host: 'alice.localhost' }, agent: false }).end()
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  await sleep(500)
  assert.ok(sent < 24 * 1024 * 1024, `${sent} bytes were taken that nobody read`)
  let received = 0
  for await (const part of res) received += (part as Buffer).length
  assert.equal(received, size)
})

test('a call that waits for 100 Continue is told to go on only when its function is there', async (t) => {
  const echo = await startFunction(t, async (req, res) => {
    res.end(`${req.headers.expect} ${await readBody(req)}`)
  })
  const { port } = await startTestGateway(t, [routeTo('echo', [echo.endpoint]), routeTo('none', [])])
  const head = (path: string) => ({
    port,
    method: 'POST',
    path,
    headers: { host: 'alice.localhost', expect: '100-continue', 'content-length': '4' },
    agent: false as const
  })
  const req = request(head('/echo'))
  req.flushHeaders()
  await once(req, 'continue')
  req.end('body')
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  assert.equal(await readBody(res), 'undefined body')

  const refused = request(head('/none'))
  refused.on('continue', () => assert.fail('nobody is there to read the body'))
  refused.flushHeaders()
  const [answer] = (await once(refused, 'response')) as [IncomingMessage]
  assert.equal(answer.statusCode, 503)
  refused.on('error', () => {}).destroy()
  const odd = await ask(port, { path: '/echo', headers: { expect: 'magic' } })
  assert.equal(odd.status, 400)
})

test('a call by HEAD and answers without a body keep their headers and end', async (t) => {
  const fn = await startFunction(t, (req, res) => {
    res.writeHead(req.url === '/304' ? 304 : req.url === '/204' ? 204 : 200, {
      etag: '"x"',
      'set-cookie': ['a', 'b']
    })
    res.end(req.method === 'HEAD' ? undefined : '')
  })
  const { port } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])])
  for (const [method, path, status] of [
    ['HEAD', '/fn', 200],
    ['GET', '/fn/204', 204],
    ['GET', '/fn/304', 304]
  ] as const) {
    const answer = await ask(port, { method, path })
    assert.equal(answer.status, status)
    assert.equal(answer.headers.etag, '"x"')
    assert.deepEqual(answer.headers['set-cookie'], ['a', 'b'])
    assert.equal(answer.body, '')
  }
})

test('a call gets the trailers of its answer', async (t) => {
  const fn = await startFunction(t, (_req, res) => {
    res.writeHead(200, { trailer: 'x-sum, content-length' })
    res.write('body')
    res.addTrailers({ 'x-sum': '42' })
    res.end()
  })
  const { port } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])])
  const answer = await ask(port, { path: '/fn' })
  assert.equal(answer.body, 'body')
  assert.deepEqual({ ...answer.trailers }, { 'x-sum': '42' })
})

test('a call whose caller goes away is ended at the function', async (t) => {
  let isAborted = false
  const slow = await startFunction(t, (_req, res) => {
    res.on('close', () => {
      isAborted = true
    })
  })
  const { port, reports } = await startTestGateway(t, [routeTo('slow', [slow.endpoint])])
  const socket = await openSocket(port)
  socket.write('GET /slow HTTP/1.1\r\nHost: alice.localhost\r\n\r\n')
  await until(() => reports.at(-1)?.inFlight['d-slow'] === 1)
  socket.destroy()
  await until(() => isAborted)
  await until(() => Object.keys(reports.at(-1)?.inFlight ?? {}).length === 0)
})

test('a call whose answer breaks off is cut, so that nobody takes the half for the whole', async (t) => {
  const fn = await startFunction(t, (req, res) => {
    res.writeHead(200, req.url === '/long' ? { 'content-length': '10' } : {})
    res.write('half')
    setTimeout(() => res.destroy(), 20)
  })
  const { port } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])])
  await assert.rejects(ask(port, { path: '/fn/long' }))
  await assert.rejects(ask(port, { path: '/fn/chunked' }))
})

test('a call answered before its body was read gets the answer, and the connection ends', async (t) => {
  const early = await startFunction(t, (_req, res) => {
    res.writeHead(401).end('no')
  })
  const { port } = await startTestGateway(t, [routeTo('early', [early.endpoint])])
  const socket = await openSocket(port)
  let text = ''
  socket.on('data', (part) => {
    text += part.toString()
  })
  socket.on('error', () => {})
  socket.write('POST /early HTTP/1.1\r\nHost: alice.localhost\r\nContent-Length: 10000000\r\n\r\n')
  const piece = Buffer.alloc(10_000)
  const sending = setInterval(() => socket.write(piece), 10)
  await until(() => text.includes('no'))
  await until(() => socket.closed)
  clearInterval(sending)
  assert.match(text, /^HTTP\/1.1 401/)
})

test('a call reuses connections to its function for no longer than a second', async (t) => {
  const sockets = new Set<Socket>()
  const server = createServer({ keepAliveTimeout: 60_000 }, (req, res) => {
    sockets.add(req.socket)
    res.end('ok')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close().closeAllConnections())
  const endpoint = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  const { port } = await startTestGateway(t, [routeTo('fn', [endpoint])])
  for (let i = 0; i < 3; i += 1) await ask(port, { path: '/fn' })
  assert.equal(sockets.size, 1)
  await until(() => [...sockets].every((socket) => socket.closed))
})
