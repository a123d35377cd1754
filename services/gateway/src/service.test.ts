import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import { createLogger } from '@slipway/service'
import { createKeptCalls } from './async/kept-calls.fixture.ts'
import { ask, openSocket, routeTo, startFunction, startTestGateway, until } from './gateway-for-test.ts'
import { readConfig, startGateway } from './service.ts'

test('the gateway itself answers health, readiness and metrics on its own hosts, and functions of these names on an owner’s', async (t) => {
  const fn = await startFunction(t, (_req, res) => res.end('function'))
  const names = ['healthz', 'readyz', 'metrics', 'function']
  const { port } = await startTestGateway(
    t,
    names.map((name) => routeTo(name, [fn.endpoint]))
  )
  for (const host of ['localhost', '127.0.0.1', 'example.org', '[::1]']) {
    assert.equal((await ask(port, { host, path: '/healthz' })).body, '{"status":"ok"}')
    assert.equal((await ask(port, { host, path: '/readyz?x' })).body, '{"status":"ok"}')
    assert.match((await ask(port, { host, path: '/metrics' })).body, /^# HELP gateway_/)
    assert.equal((await ask(port, { host, path: '/metrics', method: 'HEAD' })).body, '')
    assert.equal((await ask(port, { host, path: '/metrics', method: 'POST' })).status, 404)
  }
  for (const name of names) assert.equal((await ask(port, { path: `/${name}` })).body, 'function', name)
})

test('the gateway itself gives its metrics to peers that may read them only, and never through a proxy', async (t) => {
  const open = await startTestGateway(t, [])
  const proxied = { host: 'localhost', path: '/metrics', headers: { 'x-forwarded-for': '6.6.6.6' } }
  assert.equal((await ask(open.port, proxied)).status, 404)
  const closed = await startTestGateway(t, [], { METRICS_PEERS: '10.0.0.0/8' })
  assert.equal((await ask(closed.port, { host: 'localhost', path: '/metrics' })).status, 404)
})

test('the gateway itself counts calls under OpenFaaS’s names, of functions that there are', async (t) => {
  const fn = await startFunction(t, (req, res) => res.writeHead(Number(req.url?.slice(1))).end('x'))
  const { port, setRoutes } = await startTestGateway(t, [routeTo('fn', [fn.endpoint, fn.endpoint])])
  for (const path of ['/fn/200', '/fn/200', '/fn/404', '/fn/799', '/nope', '/fn/_/x']) await ask(port, { path })
  const metrics = async () => (await ask(port, { host: 'localhost', path: '/metrics' })).body
  const text = await metrics()
  assert.ok(text.includes('gateway_function_invocation_total{function_name="fn.alice",code="200"} 2\n'), text)
  assert.ok(text.includes('gateway_function_invocation_total{function_name="fn.alice",code="404"} 1\n'))
  assert.ok(text.includes('gateway_function_invocation_total{function_name="fn.alice",code="other"} 1\n'))
  assert.ok(text.includes('gateway_functions_seconds_count{function_name="fn.alice",code="200"} 2\n'))
  assert.ok(text.includes('gateway_functions_seconds_bucket{le="+Inf",function_name="fn.alice",code="200"} 2\n'))
  assert.match(text, /gateway_functions_seconds_sum\{function_name="fn.alice",code="200"\} 0\.\d+/)
  assert.ok(text.includes('gateway_function_invocation_started{function_name="fn.alice"} 4\n'))
  assert.ok(
    text.includes('gateway_service_count{function_name="fn.alice"} 1\n'),
    'the same address twice is one replica'
  )
  assert.match(text, /^slipway_gateway_deployment\{function_name="fn.alice",deployment="[^"]+"\} 1$/m)
  assert.doesNotMatch(text, /nope/)
  await setRoutes([])
  assert.doesNotMatch(await metrics(), /fn\.alice/)
})

test('the gateway itself counts a caller that left before the answer as 499', async (t) => {
  const fn = await startFunction(t, () => {})
  const { port, reports } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])])
  const socket = await openSocket(port)
  socket.write('GET /fn HTTP/1.1\r\nHost: alice.localhost\r\n\r\n')
  await until(() => reports.at(-1)?.inFlight['d-fn'] === 1)
  socket.destroy()
  await until(() => reports.at(-1)?.inFlight['d-fn'] === undefined)
  const { body } = await ask(port, { host: 'localhost', path: '/metrics' })
  assert.ok(body.includes('gateway_function_invocation_total{function_name="fn.alice",code="499"} 1\n'))
})

test('the gateway itself says which setting to change when its port is taken', async (t) => {
  const { port } = await startTestGateway(t, [])
  await assert.rejects(
    startTestGateway(t, [], { GATEWAY_PORT: String(port) }),
    (err) => err instanceof Failure && err.message.includes('GATEWAY_PORT')
  )
})

const isListening = (port: number) =>
  openSocket(port).then(
    (socket) => Boolean(socket.destroy()),
    () => false
  )

test('a stop lets what is in flight finish, and takes nothing new', async (t) => {
  let finish = (): void => {}
  const fn = await startFunction(t, (_req, res) => {
    res.write('first ')
    finish = () => res.end('last')
  })
  const { port, close, reports } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])])
  const call = ask(port, { path: '/fn' })
  await until(() => reports.at(-1)?.inFlight['d-fn'] === 1)
  const closing = close()
  // It closes its listener when nobody waits for it, which takes longer on a busy machine.
  while (await isListening(port)) await sleep(5)
  await assert.rejects(ask(port, { path: '/fn' }))
  finish()
  assert.equal((await call).body, 'first last')
  await closing
})

test('a stop announces the end of connections, so that no call is sent into a closed one', async (t) => {
  const fn = await startFunction(t, (_req, res) => res.end('ok'))
  const first = await startTestGateway(t, [routeTo('fn', [fn.endpoint])], { GATEWAY_REUSE_PORT: 'true' }, 400)
  const env = { GATEWAY_REUSE_PORT: 'true', GATEWAY_PORT: String(first.port) }
  await startTestGateway(t, [routeTo('fn', [fn.endpoint])], env)
  const agent = new Agent({ keepAlive: true })
  let isStopped = false
  const statuses = new Map<number | string, number>()
  const count = (what: number | string) => statuses.set(what, (statuses.get(what) ?? 0) + 1)
  const callers = Array.from({ length: 8 }, async () => {
    while (!isStopped) {
      await new Promise<void>((resolve) => {
        const req = request({ port: first.port, agent, path: '/fn', headers: { host: 'alice.localhost' } })
        req.on('response', (res: IncomingMessage) => {
          res.resume().on('end', resolve)
          count(res.statusCode ?? 0)
        })
        req.on('error', (err) => {
          count(err.message)
          resolve()
        })
        req.end()
      })
    }
  })
  const answered = () => statuses.get(200) ?? 0
  await until(() => answered() > 50)
  const ready = await ask(first.port, { host: 'localhost', path: '/readyz' })
  assert.equal(ready.status, 200)
  await first.close()
  const before = answered()
  await until(() => answered() > before + 50)
  isStopped = true
  await Promise.all(callers)
  agent.destroy()
  assert.deepEqual([...statuses.keys()], [200])
})

test('who has connected when a stop closes the listener is still heard', async (t) => {
  const fn = await startFunction(t, (_req, res) => res.end('ok'))
  const { port, close } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])])
  const socket = await openSocket(port)
  let received = ''
  socket.setEncoding('utf8').on('data', (text) => {
    received += text
  })
  const closed = Promise.all([close(), once(socket, 'close')])
  await sleep(100)
  socket.write('GET /fn HTTP/1.1\r\nHost: alice.localhost\r\n\r\n')
  await closed
  assert.match(received, /^HTTP\/1\.1 200 OK[^]*connection: close/i)
})

test('a stop cuts what does not end within the grace', async (t) => {
  const fn = await startFunction(t, () => {})
  fn.server.on('upgrade', (_req, socket) => {
    socket
      .on('error', () => {})
      .resume()
      .on('end', () => socket.end())
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  })
  const { port, close, reports } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])], { STOP_GRACE_MS: '100' })
  const hanging = assert.rejects(ask(port, { path: '/fn' }))
  const socket = (await openSocket(port)).resume()
  socket.on('error', () => {})
  socket.write('GET /fn HTTP/1.1\r\nHost: alice.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await until(() => reports.at(-1)?.inFlight['d-fn'] === 2)
  const began = Date.now()
  await close()
  await hanging
  await until(() => socket.closed)
  assert.ok(Date.now() - began < 1000, 'before an answer would be given up')
})

test('a gateway that shares its port takes calls only once it has routes: until then the others answer', async (t) => {
  const fn = await startFunction(t, (_req, res) => res.end('function'))
  const routes = [routeTo('fn', [fn.endpoint])]
  const { port } = await startTestGateway(t, routes, { GATEWAY_REUSE_PORT: 'true' })
  let isAway = true
  const unlessAway = <T>(value: T) =>
    isAway ? Promise.reject(new Failure('unavailable', 'the database does not answer')) : Promise.resolve(value)
  let isListening = false
  const starting = startGateway(readConfig({ GATEWAY_PORT: String(port), GATEWAY_REUSE_PORT: 'true' }), {
    routes: {
      routes: () => unlessAway(routes),
      routesVersion: () => unlessAway(1),
      keys: () => unlessAway([]),
      installation: () => unlessAway(null)
    },
    signals: { send: () => undefined, listen: () => () => undefined },
    asyncCalls: createKeptCalls().deps,
    traffic: { send: () => Promise.resolve() },
    logger: createLogger('gateway', 'silent'),
    announceMs: 0
  }).then((gateway) => {
    isListening = true
    return gateway
  })
  for (let i = 0; i < 20; i += 1) assert.equal((await ask(port, { path: '/fn' })).status, 200)
  assert.equal(isListening, false)
  isAway = false
  const gateway = await starting
  for (let i = 0; i < 20; i += 1) assert.equal((await ask(port, { path: '/fn' })).status, 200)
  await gateway.close()
})
