import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, openSocket, routeTo, startFunction, startTestGateway, until } from './gateway-for-test.ts'

const asleep = () => routeTo('fn', [], { startsOnCall: true })

test('calls to a function without a replica are held, told of once, and answered when it has one', async (t) => {
  const { endpoint } = await startFunction(t, (req, res) => {
    let body = ''
    req.on('data', (part) => (body += String(part)))
    req.on('end', () => res.end(`${req.method} ${body}`))
  })
  const { port, setRoutes, loads } = await startTestGateway(t, [asleep()])
  const calls = [
    ask(port, { path: '/fn', method: 'POST', body: 'kept' }),
    ask(port, { path: '/fn' }),
    ask(port, { path: '/fn' })
  ]
  await until(() => loads.at(-1)?.waiting['d-fn'] === 3)
  await setRoutes([routeTo('fn', [endpoint], { startsOnCall: true })])
  const answers = await Promise.all(calls)
  assert.deepEqual(
    answers.map(({ status, body }) => [status, body]),
    [
      [200, 'POST kept'],
      [200, 'GET '],
      [200, 'GET ']
    ]
  )
  await until(() => loads.at(-1)?.waiting['d-fn'] === undefined)
  assert.equal(loads.at(-1)?.calls['d-fn'], 3)
})

test('a held call goes to the version that took the place of the one that it came for', async (t) => {
  const { endpoint } = await startFunction(t, (_req, res) => res.end('newer'))
  const { port, setRoutes, loads, reports } = await startTestGateway(t, [asleep()])
  const call = ask(port, { path: '/fn' })
  await until(() => loads.at(-1)?.waiting['d-fn'] === 1)
  // First without a replica, too: it goes on waiting, for the newer one.
  await setRoutes([routeTo('fn', [], { startsOnCall: true, deploymentId: 'd-newer' })])
  await until(() => loads.at(-1)?.waiting['d-newer'] === 1)
  await setRoutes([routeTo('fn', [endpoint], { startsOnCall: true, deploymentId: 'd-newer' })])
  assert.equal((await call).body, 'newer')
  await until(() => Object.keys(reports.at(-1)?.inFlight ?? { none: 1 }).length === 0)
})

test('who waits for a function that cannot be started, or is removed, is told so', async (t) => {
  const gateway = await startTestGateway(t, [asleep()])
  const held = () => until(() => gateway.loads.at(-1)?.waiting['d-fn'] === 1)
  const first = ask(gateway.port, { path: '/fn' })
  await held()
  gateway.refuseStart('another')
  gateway.refuseStart('d-fn')
  const refused = await first
  assert.equal(refused.status, 503)
  assert.match(refused.json().message, /^function fn\.alice had no replica, and none could be started/)
  assert.equal(refused.headers['retry-after'], '5')
  const second = ask(gateway.port, { path: '/fn' })
  await held()
  await gateway.setRoutes([])
  assert.equal((await second).status, 404)
})

test('a call is held for so long and no longer, and one whose caller leaves is not waited for', async (t) => {
  const { port, loads } = await startTestGateway(t, [asleep()], { START_TIMEOUT_MS: '300' })
  const { status, body } = await ask(port, { path: '/fn' })
  assert.equal(status, 503)
  assert.match(body, /none was ready after 0\.3 s/)
  const patient = await startTestGateway(t, [asleep()])
  const socket = await openSocket(patient.port)
  socket.write('GET /fn HTTP/1.1\r\nhost: alice.localhost\r\n\r\n')
  await until(() => patient.loads.at(-1)?.waiting['d-fn'] === 1)
  socket.destroy()
  await until(() => patient.loads.at(-1)?.waiting['d-fn'] === undefined)
  assert.equal(loads.at(-1)?.waiting['d-fn'], undefined)
})

test('held calls count as in flight: more than may be are answered 429', async (t) => {
  const { port, loads, setRoutes } = await startTestGateway(t, [asleep()], { IN_FLIGHT_LIMIT: '2' })
  const held = [ask(port, { path: '/fn' }), ask(port, { path: '/fn' })]
  await until(() => loads.at(-1)?.waiting['d-fn'] === 2)
  assert.equal((await ask(port, { path: '/fn' })).status, 429)
  await setRoutes([])
  assert.deepEqual(
    (await Promise.all(held)).map(({ status }) => status),
    [404, 404]
  )
})

test('a function that was brought to no replica and does not start by calls answers 503 at once', async (t) => {
  const { port } = await startTestGateway(t, [routeTo('fn', [])])
  const { status, body } = await ask(port, { path: '/fn' })
  assert.equal(status, 503)
  assert.match(body, /has no running replica/)
})
