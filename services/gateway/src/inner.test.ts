import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'
import { type TestContext, test } from 'node:test'
import { bridgeName, networkHash } from '@slipway/cluster/owner-bridge'
import type { Route } from '@slipway/domain'
import { freePort, waitFor } from '@slipway/machine'
import { type Answer, ask, type Question, routeTo, startFunction, startTestGateway, until } from './gateway-for-test.ts'

const host = 'gateway.openfaas:8080'
const alice = { owner: 'alice', address: '127.1.0.1', inside: '127.1.0.9' }
const bob = { owner: 'bob', address: '127.2.0.1', inside: '127.2.0.9' }
type Network = typeof alice

const addressOf = ({ address }: Pick<Network, 'address'>): NetworkInterfaceInfo => ({
  address,
  netmask: '255.255.255.192',
  family: 'IPv4',
  mac: '00:00:00:00:00:00',
  internal: false,
  cidr: `${address}/26`
})

/** Loopback addresses stand for those of bridges and of containers in their networks. */
async function startInside(t: TestContext, routes: Route[], env: Record<string, string> = {}, installation = 'test') {
  const port = await freePort()
  const bridges = new Map([alice, bob].map(({ owner, address }) => [owner, address]))
  const interfaces = () =>
    Object.fromEntries(
      [...bridges].map(([owner, address]) => [bridgeName(networkHash(installation, owner)), [addressOf({ address })]])
    )
  const gateway = await startTestGateway(t, routes, { INNER_PORT: String(port), ...env }, 0, { interfaces })
  return {
    ...gateway,
    bridges,
    from: (network: Network, question: Question) =>
      ask(port, { host, to: network.address, from: network.inside, ...question }),
    listens: (address: string) =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, address, () => resolve(true))
        socket.on('error', () => resolve(false)).on('connect', () => socket.destroy())
      }),
    innerPort: port
  }
}

async function untilListening({ listens }: { listens: (address: string) => Promise<boolean> }, ...addresses: string[]) {
  for (const address of addresses) await waitFor(() => listens(address), { timeoutMs: 20_000, everyMs: 5 })
}

/** Says which function it is, and what it was asked. */
async function startTold(t: TestContext, name: string, more: Partial<Route> = {}) {
  const heard: IncomingMessage['headers'][] = []
  const { endpoint } = await startFunction(t, (req, res) => {
    heard.push(req.headers)
    res.end(`${name} ${req.url}`)
  })
  return { heard, route: routeTo(name, [endpoint], more) }
}

const ofBob = (name: string): Partial<Route> => ({
  ownerId: 'o-bob',
  ownerSlug: 'bob',
  clusterName: `bob-${name}`,
  deploymentId: `d-of-bob-${name}`
})

const said = ({ status, body }: Answer) => [status, body]

test('from inside its network a function calls those of its owner by their bare names, without a key', async (t) => {
  const closed = await startTold(t, 'closed', { access: 'owner' })
  const keyed = await startTold(t, 'keyed', { access: 'token' })
  const gateway = await startInside(t, [closed.route, keyed.route])
  await untilListening(gateway, alice.address)
  for (const path of ['/function/closed/a?b=c', '/function/alice-closed/a?b=c', '/function/closed.alice/a?b=c'])
    assert.deepEqual(said(await gateway.from(alice, { path })), [200, 'closed /a?b=c'], path)
  assert.equal((await gateway.from(alice, { path: '/function/keyed' })).status, 200)
  assert.equal((await ask(gateway.port, { host, path: '/function/alice-closed' })).status, 401)
  assert.equal((await ask(gateway.port, { host, path: '/function/closed' })).status, 404)
})

test('by a bare name its own function is meant, also where another is called so in the cluster', async (t) => {
  const own = await startTold(t, 'bob-hello')
  const other = await startTold(t, 'hello', ofBob('hello'))
  const gateway = await startInside(t, [own.route, other.route])
  await untilListening(gateway, alice.address, bob.address)
  assert.deepEqual(said(await gateway.from(alice, { path: '/function/bob-hello' })), [200, 'bob-hello /'])
  assert.deepEqual(said(await gateway.from(bob, { path: '/function/bob-hello' })), [200, 'hello /'])
})

test("another owner's function answers as it does anybody: if it is public, or with a key", async (t) => {
  const closed = await startTold(t, 'closed', { ...ofBob('closed'), access: 'token' })
  const open = await startTold(t, 'open', ofBob('open'))
  const mine = await startTold(t, 'mine')
  const gateway = await startInside(t, [closed.route, open.route, mine.route])
  await untilListening(gateway, alice.address)
  assert.equal((await gateway.from(alice, { path: '/function/bob-closed' })).status, 401)
  assert.equal((await gateway.from(alice, { path: '/function/closed.bob' })).status, 401)
  assert.equal((await gateway.from(alice, { path: '/function/closed' })).status, 404)
  assert.deepEqual(said(await gateway.from(alice, { path: '/function/open.bob' })), [200, 'open /'])
})

test('who calls is told by the bridge: nobody is who came to it from elsewhere, whatever headers say', async (t) => {
  const closed = await startTold(t, 'closed', { access: 'owner' })
  const open = await startTold(t, 'open')
  const other = await startTold(t, 'other', ofBob('other'))
  const gateway = await startInside(t, [closed.route, open.route, other.route], { TRUSTED_PROXIES: '127.0.0.0/8' })
  await untilListening(gateway, alice.address, bob.address)
  const path = '/function/alice-closed'
  const headers = { 'x-forwarded-for': alice.inside, 'x-real-ip': alice.inside, forwarded: `for=${alice.inside}` }
  assert.equal((await gateway.from(bob, { path, headers })).status, 401)
  // Of another network's container that found the address, and of a program of the host.
  for (const from of [bob.inside, alice.address])
    assert.equal((await ask(gateway.innerPort, { host, to: alice.address, from, path })).status, 401, from)
  assert.equal((await gateway.from(alice, { path: '/function/open', headers })).status, 200)
  assert.equal(open.heard[0]?.['x-forwarded-for'], alice.inside)
  assert.equal(open.heard[0]?.['x-real-ip'], undefined)
})

test('nothing but functions is served there', async (t) => {
  const gateway = await startInside(t, [(await startTold(t, 'fn')).route], {
    METRICS_PEERS: '127.0.0.0/8',
    API_URL: 'http://127.0.0.1:1'
  })
  await untilListening(gateway, alice.address)
  for (const path of ['/system/functions', '/metrics', '/healthz', '/readyz', '/'])
    assert.equal((await gateway.from(alice, { path })).status, 404, path)
  assert.equal((await gateway.from(alice, { path: '/function/fn/_/ready' })).status, 404)
  assert.equal((await gateway.from(alice, { path: '/function/fn/../_/ready' })).status, 400)
  assert.equal((await gateway.from(alice, { path: '/function/fn/' })).status, 200)
})

test('a call is left for later from there, too', async (t) => {
  const closed = await startTold(t, 'closed', { access: 'owner' })
  const gateway = await startInside(t, [closed.route])
  await untilListening(gateway, alice.address)
  const taken = await gateway.from(alice, { method: 'POST', path: '/async-function/closed/later', body: 'words' })
  assert.equal(taken.status, 202)
  await until(() => closed.heard.length === 1)
  assert.equal(closed.heard[0]?.['x-call-depth'], '1')
})

test('an address that becomes that of another owner is theirs at once, connections that were there end', async (t) => {
  const closed = await startTold(t, 'closed', { access: 'owner' })
  const mine = await startTold(t, 'mine', { ...ofBob('mine'), access: 'owner' })
  const gateway = await startInside(t, [closed.route, mine.route])
  await untilListening(gateway, alice.address, bob.address)
  const kept = connect(gateway.innerPort, alice.address)
  const ended = new Promise((resolve) => kept.on('close', resolve))
  await new Promise((resolve) => kept.on('connect', resolve))
  gateway.bridges.delete('alice')
  gateway.bridges.set('bob', alice.address)
  await ended
  assert.equal(await gateway.listens(bob.address), false)
  await untilListening(gateway, alice.address)
  assert.equal((await gateway.from(alice, { path: '/function/alice-closed' })).status, 401)
  assert.equal((await gateway.from(alice, { path: '/function/mine' })).status, 200)
})

test("at other installations' bridges it does not listen", async (t) => {
  const gateway = await startInside(t, [(await startTold(t, 'fn')).route], {}, 'another')
  gateway.bridges.clear()
  await gateway.setRoutes([])
  assert.equal(await gateway.listens(alice.address), false)
})

test('a function that passes calls on in a circle is stopped, and nobody outside says how deep a call is', async (t) => {
  let calls = 0
  let innerPort = 0
  /** Calls itself by the gateway, with the headers that it got. */
  const circle = createServer((req, res) => {
    calls += 1
    const { host: _host, ...headers } = req.headers
    const again = { host: alice.address, localAddress: alice.inside, port: innerPort, path: '/function/circle' }
    request({ ...again, headers: { ...headers, host }, agent: false }, (answer) => {
      res.writeHead(answer.statusCode ?? 0)
      answer.pipe(res)
    }).end()
  })
  await new Promise<void>((resolve) => circle.listen(0, '127.0.0.1', resolve))
  t.after(() => circle.close())
  const { port } = circle.address() as { port: number }
  const gateway = await startInside(t, [routeTo('circle', [{ host: '127.0.0.1', port }])])
  innerPort = gateway.innerPort
  await untilListening(gateway, alice.address)
  const headers = { 'x-call-depth': '1000' }
  const answer = await ask(gateway.port, { host, path: '/function/alice-circle', headers })
  assert.deepEqual([answer.status, answer.json().code, calls], [508, 'loop-detected', 33])
})
