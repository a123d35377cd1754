import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { callerOf, createCallerLimit } from './caller-limit.ts'
import { ask, routeTo, startFunction, startTestGateway } from './gateway-for-test.ts'
import { createPeerList } from './peers.ts'

test('a second’s worth may come at once, then one at a time as fast as the limit, for each caller and owner alone', () => {
  const limit = createCallerLimit()
  const take = (now: number, address = 'a', owner = 'o') => limit.take(owner, address, 4, now)
  for (let i = 0; i < 4; i += 1) assert.equal(take(1000), 0)
  const waitMs = take(1000)
  assert.ok(waitMs > 249 && waitMs <= 250, String(waitMs))
  assert.equal(take(1000, 'b'), 0)
  assert.equal(take(1000, 'a', 'other'), 0)
  assert.ok(take(1240) > 0)
  assert.equal(take(1250), 0, 'who was refused paid nothing')
  assert.ok(take(1260) > 0)
})

test('who asks all the time gets no more than the limit over many seconds, and who was away has a second’s worth again', () => {
  const limit = createCallerLimit()
  let passed = 0
  for (let now = 10_000; now < 20_000; now += 10) if (limit.take('o', 'a', 7, now) === 0) passed += 1
  assert.ok(passed >= 70 && passed <= 77, String(passed))
  let again = 0
  for (let i = 0; i < 20; i += 1) if (limit.take('o', 'a', 7, 60_000) === 0) again += 1
  assert.equal(again, 7)
})

function request(remoteAddress: string, forwardedFor?: string): IncomingMessage {
  const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }
  return { headers, socket: { remoteAddress } } as unknown as IncomingMessage
}

test('a caller is who the nearest proxy that is trusted had it from, and never who it says it is itself', () => {
  const isTrusted = createPeerList('10.0.0.0/8', 'TRUSTED_PROXIES')
  const of = (remote: string, told?: string) => callerOf(request(remote, told), isTrusted)
  assert.equal(of('192.0.2.1', '198.51.100.9'), '192.0.2.1')
  assert.equal(of('10.0.0.1', '198.51.100.9'), '198.51.100.9')
  assert.equal(of('::ffff:10.0.0.1', '203.0.113.5, 198.51.100.9'), '198.51.100.9')
  assert.equal(of('10.0.0.1', '203.0.113.5, 198.51.100.9, 10.0.0.2'), '198.51.100.9')
  assert.equal(of('10.0.0.1'), '10.0.0.1')
})

test('all addresses of an IPv6 network are one caller', () => {
  const of = (remote: string) => callerOf(request(remote), () => false)
  assert.equal(of('2001:db8:1:2::1'), of('2001:db8:1:2:ffff::9'))
  assert.equal(of('2001:db8:1:2::1'), of('2001:0db8:0001:0002:3:4:5:6'))
  assert.notEqual(of('2001:db8:1:2::1'), of('2001:db8:1:3::1'))
  assert.equal(of('2001:db8::1'), of('2001:db8:0:0:9::1'))
})

test('a caller beyond its owner’s limit is answered 429 with when to come back, the function hears nothing, others go on', async (t) => {
  let heard = 0
  const { endpoint } = await startFunction(t, (_req, res) => {
    heard += 1
    res.end('hello')
  })
  const routes = [
    routeTo('hello', [endpoint], { callsPerSecond: 1 }),
    routeTo('other', [endpoint], { callsPerSecond: 1 }),
    routeTo('free', [endpoint], { ownerId: 'o-bob', ownerSlug: 'bob', clusterName: 'bob-free', deploymentId: 'd-bob' })
  ]
  const { port, setRoutes } = await startTestGateway(t, routes, { TRUSTED_PROXIES: '127.0.0.1' })
  const from = (address: string, path = '/hello', host = 'alice.localhost') =>
    ask(port, { path, host, headers: { 'x-forwarded-for': address } })
  assert.equal((await from('198.51.100.1', '/other')).status, 200)
  // Within a second, which is long for one call: so the limit is one, not more.
  const refused = await from('198.51.100.1')
  assert.deepEqual(
    [refused.status, refused.json().code, refused.headers['retry-after']],
    [429, 'too-many-requests', '1']
  )
  assert.match(refused.json().message, /the 1 calls a second/)
  assert.ok(refused.headers['x-call-id'])
  assert.equal(heard, 1)
  assert.equal((await from('198.51.100.2')).status, 200)
  const many = await Promise.all(Array.from({ length: 10 }, () => from('198.51.100.1', '/free', 'bob.localhost')))
  assert.ok(
    many.every(({ status }) => status === 200),
    'an owner without a limit has none'
  )
  await setRoutes(routes.map((route) => ({ ...route, callsPerSecond: null })))
  assert.equal((await from('198.51.100.1')).status, 200, 'a limit that was taken away holds no longer')
})
