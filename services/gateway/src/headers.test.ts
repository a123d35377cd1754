import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, type Question, routeTo, startFunction, startTestGateway } from './gateway-for-test.ts'

const uuid = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/

async function startEcho(t: Parameters<typeof startFunction>[0], env: Record<string, string> = {}) {
  const fn = await startFunction(t, (req, res) => {
    res.end(JSON.stringify({ raw: req.rawHeaders, headers: req.headers }))
  })
  const { port } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])], env)
  return async (headers: Question['headers'] = {}) => {
    const answer = await ask(port, { path: '/fn', headers })
    const got = JSON.parse(answer.body) as { raw: string[]; headers: Record<string, string> }
    return { answer, ...got }
  }
}

test('a function gets who called, by the gateway’s own word', async (t) => {
  const call = await startEcho(t)
  const claimed = {
    'x-forwarded-for': '6.6.6.6',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-port': '666',
    X_Forwarded_For: '6.6.6.6',
    forwarded: 'for=6.6.6.6',
    'x-real-ip': '6.6.6.6'
  }
  const { headers } = await call(claimed)
  assert.equal(headers['x-forwarded-for'], '127.0.0.1')
  assert.equal(headers['x-forwarded-proto'], 'http')
  assert.equal(headers['x-forwarded-host'], 'alice.localhost')
  assert.equal(headers.host, 'alice.localhost')
  const lies = new Set(Object.values(claimed))
  assert.deepEqual(
    Object.entries(headers).filter(([, value]) => lies.has(value)),
    []
  )
})

test('a function gets what a trusted proxy says of the caller, and the proxy behind it', async (t) => {
  const call = await startEcho(t, { TRUSTED_PROXIES: '10.0.0.0/8, 127.0.0.1' })
  const { headers } = await call({
    'x-forwarded-for': ['6.6.6.6', '7.7.7.7'],
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'fn.example',
    'x-forwarded-port': '443'
  })
  assert.equal(headers['x-forwarded-for'], '6.6.6.6, 7.7.7.7, 127.0.0.1')
  assert.equal(headers['x-forwarded-proto'], 'https')
  assert.equal(headers['x-forwarded-host'], 'fn.example')
  assert.equal(headers['x-forwarded-port'], '443')
  const { headers: plain } = await call()
  assert.equal(plain['x-forwarded-for'], '127.0.0.1')
  assert.equal(plain['x-forwarded-proto'], 'http')
})

test('a function gets an id and a time of the call, which the caller gets too', async (t) => {
  const call = await startEcho(t)
  const { headers, answer } = await call({ 'x-start-time': '1' })
  assert.match(headers['x-call-id'] ?? '', uuid)
  assert.equal(answer.headers['x-call-id'], headers['x-call-id'])
  assert.match(headers['x-start-time'] ?? '', /^\d{19}$/)
  assert.equal(answer.headers['x-start-time'], headers['x-start-time'])
  assert.match(String(answer.headers['x-duration-seconds']), /^\d+\.\d{6}$/)
})

test('a function gets the id that the caller chose, unless it is not one', async (t) => {
  const call = await startEcho(t)
  assert.equal((await call({ 'x-call-id': 'my-id.1' })).headers['x-call-id'], 'my-id.1')
  for (const odd of ['a b', '<script>', 'x'.repeat(129), '']) {
    assert.match((await call({ 'x-call-id': odd })).headers['x-call-id'] ?? '', uuid)
  }
  assert.match((await call({ 'x-call-id': ['a', 'b'] })).headers['x-call-id'] ?? '', uuid)
})

test('a function gets no header that belongs to the connection, nor one that Connection names', async (t) => {
  const call = await startEcho(t)
  const { headers, raw } = await call({
    connection: 'close, X-Secret, x-forwarded-for',
    'x-secret': '1',
    'keep-alive': 'timeout=9',
    'proxy-authorization': 'Basic x',
    'proxy-connection': 'x',
    te: 'trailers',
    upgrade: 'h2c',
    'http2-settings': 'x',
    'X-Kept': 'yes'
  })
  for (const gone of ['x-secret', 'keep-alive', 'proxy-authorization', 'proxy-connection', 'te', 'upgrade']) {
    assert.equal(headers[gone], undefined, gone)
  }
  assert.equal(headers['http2-settings'], undefined)
  assert.equal(headers['x-forwarded-for'], '127.0.0.1')
  assert.ok(raw.includes('X-Kept'), 'names keep their case')
})

test('a caller gets the function’s headers as they are, but for those of its connection', async (t) => {
  const fn = await startFunction(t, (_req, res) => {
    res.writeHead(200, {
      'set-cookie': ['a=1', 'b=2'],
      'x-odd': 'caf\xe9',
      connection: 'close, X-Inner',
      'x-inner': '1',
      'keep-alive': 'timeout=99',
      'proxy-authenticate': 'x',
      'x-call-id': 'forged',
      'x-duration-seconds': '7.5'
    })
    res.end('ok')
  })
  const { port } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])])
  const { headers } = await ask(port, { path: '/fn', headers: { 'x-call-id': 'mine' } })
  assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2'])
  assert.equal(headers['x-odd'], 'caf\xe9')
  assert.equal(headers['x-inner'], undefined)
  assert.equal(headers['proxy-authenticate'], undefined)
  assert.doesNotMatch(String(headers['keep-alive'] ?? ''), /99/)
  assert.equal(headers['x-call-id'], 'mine')
  assert.equal(headers['x-duration-seconds'], '7.5')
})

test('a caller gets the call’s id with a refusal too', async (t) => {
  const { port } = await startTestGateway(t, [routeTo('none', [])])
  const { headers } = await ask(port, { path: '/none', headers: { 'x-call-id': 'mine' } })
  assert.equal(headers['x-call-id'], 'mine')
})

test('the dashboard’s cookies reach no function, and no function puts others in their place', async (t) => {
  const fn = await startFunction(t, (req, res) => {
    const planted = [
      'slipway=planted; Path=/',
      '__Host-slipway=x; Secure; Path=/',
      ' Slipway-Sign-In=x',
      'slipways=mine',
      'a=slipway=1'
    ]
    res.writeHead(200, { 'set-cookie': planted }).end(JSON.stringify(req.rawHeaders))
  })
  const { port } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])])
  const cookie =
    'a=1; slipway=secret; b=slipway; __Host-slipway=secret; slipway-sign-in=secret; SLIPWAY = secret; slipways=2'
  const answer = await ask(port, { path: '/fn', headers: { cookie } })
  assert.doesNotMatch(answer.body, /secret/)
  const raw = JSON.parse(answer.body) as string[]
  const at = raw.findIndex((name) => name.toLowerCase() === 'cookie')
  assert.equal(raw[at + 1], 'a=1; b=slipway; slipways=2')
  assert.deepEqual(answer.headers['set-cookie'], ['slipways=mine', 'a=slipway=1'])
  const alone = await ask(port, { path: '/fn', headers: { cookie: 'slipway=secret' } })
  assert.doesNotMatch(alone.body, /cookie/i)
})
