import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import type { FunctionAccess, KnownKey } from '@slipway/domain'
import { ask, openSocket, routeTo, sendRaw, startFunction, startTestGateway } from './gateway-for-test.ts'

const keyText = (letter: string) => `slf_${letter.repeat(43)}`
const known = (letter: string, more: Partial<KnownKey> = {}): KnownKey => ({
  hash: createHash('sha256').update(keyText(letter)).digest('hex'),
  ownerId: 'o-alice',
  isOwn: false,
  functionName: null,
  expiresAt: null,
  ...more
})

/** A gateway with functions of each access; they answer with the headers that they got. */
async function scene(t: TestContext) {
  let calls = 0
  const { endpoint } = await startFunction(t, (req, res) => {
    calls += 1
    res.end(JSON.stringify(req.rawHeaders))
  })
  const routes = (['public', 'token', 'owner'] as FunctionAccess[]).map((access) =>
    routeTo(access, [endpoint], { access })
  )
  const gateway = await startTestGateway(t, [])
  const keys = [
    known('a'),
    known('b', { ownerId: 'o-bob', isOwn: true }),
    known('c', { isOwn: true }),
    known('d', { functionName: 'other' }),
    known('e', { expiresAt: Date.now() - 1 })
  ]
  await gateway.setRoutes(routes, keys)
  const status = async (name: string, headers: Record<string, string>, path = '') =>
    (await ask(gateway.port, { path: `/${name}${path}`, headers })).status
  return { ...gateway, routes, keys, status, calls: () => calls }
}

const bearer = (letter: string) => ({ authorization: `Bearer ${keyText(letter)}` })

test('what is not public answers 401 without a key of its owner, and the function hears of none of it', async (t) => {
  const { port, status, calls } = await scene(t)
  const refused = await ask(port, { path: '/token' })
  assert.deepEqual([refused.status, refused.json().code], [401, 'unauthenticated'])
  assert.match(String(refused.headers['www-authenticate']), /^Bearer /)
  assert.match(refused.json().message, /slf_/)
  for (const headers of [
    { authorization: 'Bearer' },
    { authorization: `Basic ${keyText('a')}` },
    { authorization: `Bearer ${keyText('x')}` },
    { authorization: `Bearer ${keyText('a')}a` },
    { 'x-api-key': `slw_${'a'.repeat(43)}` },
    { 'x-api-key': '' },
    bearer('d'),
    bearer('e')
  ]) {
    assert.equal(await status('token', headers as Record<string, string>), 401, JSON.stringify(headers))
  }
  assert.equal(calls(), 0)
})

test("another owner's key opens nothing, whatever it may there", async (t) => {
  const { status, calls } = await scene(t)
  assert.deepEqual([await status('token', bearer('b')), await status('owner', bearer('b'))], [401, 401])
  assert.equal(calls(), 0)
})

test('a key opens what asks for one; what is its owner’s alone takes a key of the owner’s own', async (t) => {
  const { status } = await scene(t)
  assert.equal(await status('token', bearer('a')), 200)
  assert.equal(await status('token', { 'x-api-key': keyText('a') }), 200)
  assert.equal(await status('token', { authorization: `bearer  ${keyText('a')}` }), 200)
  assert.equal(await status('token', { ...bearer('x'), 'x-api-key': keyText('a') }), 200, 'one of two will do')
  assert.equal(await status('owner', bearer('a')), 401)
  assert.equal(await status('owner', bearer('c')), 200)
  assert.equal(await status('public', {}), 200)
})

test('keys for the gateway go no further, and what else stands in those headers does', async (t) => {
  const { port } = await scene(t)
  const got = async (path: string, headers: Record<string, string | string[]>) =>
    JSON.parse((await ask(port, { path, headers })).body) as string[]
  assert.ok(!JSON.stringify(await got('/token', bearer('a'))).includes('slf_'))
  assert.ok(!JSON.stringify(await got('/token', { 'x-api-key': keyText('a') })).includes('slf_'))
  assert.ok(!JSON.stringify(await got('/public', bearer('b'))).includes('slf_'), 'not to a stranger’s function either')
  const both = await got('/token', { 'x-api-key': keyText('a'), authorization: 'Basic eA==' })
  assert.ok(both.includes('Basic eA==') && !JSON.stringify(both).includes('slf_'))
  const smuggled = await got('/token', { ...bearer('a'), x_api_key: 'mine', 'X-Api-Key': keyText('c') })
  assert.ok(!JSON.stringify(smuggled).includes('slf_'))
  assert.ok((await got('/public', { authorization: 'Bearer something' })).includes('Bearer something'))
})

test('a second header of the same name does not bring a key to the function', async (t) => {
  const { port } = await scene(t)
  const lines = [
    'GET /token HTTP/1.1',
    'Host: alice.localhost',
    'Connection: close',
    `Authorization: Bearer ${keyText('a')}`
  ]
  const text = await sendRaw(port, [...lines, `Authorization: Bearer ${keyText('c')}`, '', ''].join('\r\n'))
  assert.match(text, /^HTTP\/1\.1 200/)
  assert.ok(!text.includes('slf_'))
})

test('a revoked key is refused as soon as the gateway hears of it, and who may call can change at any time', async (t) => {
  const { status, setRoutes, routes, keys } = await scene(t)
  assert.equal(await status('token', bearer('a')), 200)
  await setRoutes(routes, keys.slice(1))
  assert.equal(await status('token', bearer('a')), 401)
  await setRoutes(
    routes.map((route) => ({ ...route, access: 'token' as const })),
    keys
  )
  assert.deepEqual([await status('public', {}), await status('owner', bearer('a'))], [401, 200])
})

test('a revocation that was lost on the way is noticed within a second', async (t) => {
  const { status, setRoutesSilently, routes } = await scene(t)
  setRoutesSilently(routes.map((route) => ({ ...route, access: 'owner' as const })))
  await new Promise((resolve) => setTimeout(resolve, 1000))
  assert.equal(await status('token', bearer('a')), 401)
})

test("paths of the platform's own are nobody's, with a key or without", async (t) => {
  const { status } = await scene(t)
  for (const headers of [{}, bearer('c')]) {
    for (const name of ['public', 'owner']) {
      assert.equal(await status(name, headers as Record<string, string>, '/_/ready'), 404)
      assert.equal(await status(name, headers as Record<string, string>, '/%5F/health'), 404)
    }
  }
})

test('a WebSocket to what is not public needs a key, too', async (t) => {
  const { port } = await scene(t)
  const socket = await openSocket(port)
  t.after(() => socket.destroy())
  const head = ['GET /token HTTP/1.1', 'Host: alice.localhost', 'Connection: Upgrade', 'Upgrade: websocket']
  socket.write(`${head.join('\r\n')}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n`)
  const [answer] = (await new Promise<Buffer>((resolve) => socket.once('data', resolve))).toString().split('\r\n')
  assert.equal(answer, 'HTTP/1.1 401 Unauthorized')
})
