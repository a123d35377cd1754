import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { retryPolicyOf, retryWaitMs } from '@slipway/domain/retry'
import { ask, readBody, routeTo, startFunction, startTestGateway, until } from '../gateway-for-test.ts'

interface Heard {
  method: string
  path: string
  headers: IncomingMessage['headers']
  body: string
}

/** A server that notes what it is asked and answers as it is told. */
async function startListener(t: TestContext, statuses: number[] = [], headers: Record<string, string> = {}) {
  const heard: Heard[] = []
  const { endpoint } = await startFunction(t, async (req, res) => {
    const body = await readBody(req)
    heard.push({ method: req.method ?? '', path: req.url ?? '', headers: req.headers, body })
    const status = statuses.shift() ?? 200
    res.writeHead(status, { 'content-type': 'text/plain', 'set-cookie': 'a=b', ...headers })
    res.end(`answer ${heard.length} to ${body}`)
  })
  return { heard, endpoint, url: `http://127.0.0.1:${endpoint.port}` }
}

const quick = { attempts: 3, codes: [503], minWaitMs: 1, maxWaitMs: 60_000 }

test('a call is taken with 202 and its id, made as it came, and its result told with what OpenFaaS says of it', async (t) => {
  const fn = await startListener(t)
  const hook = await startListener(t)
  const { port } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])], { CALLBACK_LOOPBACK: 'on' })
  const headers = {
    'x-callback-url': `${hook.url}/told?a=1`,
    'x-call-id': 'call-1',
    'x-own': 'kept',
    authorization: 'Bearer x'
  }
  const taken = await ask(port, {
    method: 'PUT',
    host: 'x',
    path: '/async-function/alice-fn/deep?q=1',
    headers,
    body: 'words'
  })
  assert.deepEqual([taken.status, taken.headers['x-call-id'], taken.body], [202, 'call-1', ''])
  await until(() => hook.heard.length === 1)
  const [made] = fn.heard
  assert.deepEqual([made?.method, made?.path, made?.body], ['PUT', '/deep?q=1', 'words'])
  assert.deepEqual([made?.headers['x-own'], made?.headers['x-call-id']], ['kept', 'call-1'])
  assert.equal(made?.headers['x-callback-url'], undefined)
  const [told] = hook.heard
  assert.deepEqual([told?.method, told?.path, told?.body], ['POST', '/told?a=1', 'answer 1 to words'])
  const about = told?.headers ?? {}
  assert.deepEqual(
    [
      about['x-call-id'],
      about['x-function-status'],
      about['x-function-name'],
      about['content-type'],
      about['set-cookie']
    ],
    ['call-1', '200', 'fn.alice', 'text/plain', ['a=b']].map((value, i) => (i === 4 ? about['set-cookie'] : value))
  )
  assert.match(String(about['x-duration-seconds']), /^\d+\.\d+$/)
  assert.match(String(about['x-start-time']), /^\d{19}$/)
})

test('what the function refuses for now is tried again, as late as it asked for, and told once', async (t) => {
  const fn = await startListener(t, [503, 503, 200], { 'retry-after': '2' })
  const hook = await startListener(t)
  const route = routeTo('fn', [fn.endpoint], { retry: quick })
  const { port, kept } = await startTestGateway(t, [route], { CALLBACK_LOOPBACK: 'on' })
  const headers = { 'x-callback-url': hook.url }
  assert.equal(
    (await ask(port, { method: 'POST', host: 'x', path: '/async-function/fn.alice', headers, body: 'x' })).status,
    202
  )
  await until(() => hook.heard.length > 0)
  assert.equal(fn.heard.length, 3)
  assert.deepEqual(kept.waits, [2000, 2000])
  assert.deepEqual(
    hook.heard.map(({ headers }) => headers['x-function-status']),
    ['200']
  )
  assert.deepEqual(kept.dead, [])
})

test('after its last try a call is a dead letter, and who wanted to know is told the last answer', async (t) => {
  const fn = await startListener(t, [503, 503, 503, 503])
  const hook = await startListener(t)
  const { port, kept } = await startTestGateway(t, [routeTo('fn', [fn.endpoint], { retry: quick })], {
    CALLBACK_LOOPBACK: 'on'
  })
  await ask(port, {
    method: 'POST',
    host: 'x',
    path: '/async-function/alice-fn',
    headers: { 'x-callback-url': hook.url }
  })
  await until(() => kept.dead.length === 1)
  assert.deepEqual([fn.heard.length, kept.dead[0]], [3, 'the function answered 503, after 3 tries'])
  assert.deepEqual(
    hook.heard.map(({ headers }) => headers['x-function-status']),
    ['503']
  )
})

test('an answer that is no reason for another try is the result, whatever it says', async (t) => {
  const fn = await startListener(t, [500])
  const { port, kept } = await startTestGateway(t, [routeTo('fn', [fn.endpoint], { retry: quick })])
  assert.equal((await ask(port, { method: 'POST', host: 'x', path: '/async-function/alice-fn' })).status, 202)
  await until(() => fn.heard.length === 1)
  await sleep(50)
  assert.deepEqual([fn.heard.length, kept.dead, kept.waits], [1, [], []])
})

test('what cannot be recorded is not taken: 503 without Redis, 413, 400, 401 and 404 before', async (t) => {
  const fn = await startListener(t)
  const routes = [routeTo('fn', [fn.endpoint]), routeTo('closed', [fn.endpoint], { access: 'token' })]
  const { port, kept } = await startTestGateway(t, routes, { ASYNC_BODY_LIMIT_BYTES: '10' })
  const statusOf = async (name: string, body = 'x', headers: Record<string, string> = {}) =>
    (await ask(port, { method: 'POST', host: 'x', path: `/async-function/${name}`, body, headers })).status
  assert.equal(await statusOf('none'), 404)
  assert.equal(await statusOf('alice-closed'), 401)
  assert.equal(await statusOf('alice-fn', 'more than ten bytes'), 413)
  assert.equal(await statusOf('alice-fn', 'x', { 'x-callback-url': 'file:///etc/passwd' }), 400)
  assert.equal(await statusOf('alice-fn', 'x', { 'x-callback-url': 'https://user:word@example.com/' }), 400)
  assert.equal(await statusOf('alice-fn/_/health'), 404)
  kept.setAway(true)
  assert.equal(await statusOf('alice-fn'), 503)
  assert.equal(fn.heard.length, 0)
  assert.equal((await ask(port, { method: 'POST', host: 'x', path: '/function/alice-fn', body: 'x' })).status, 200)
})

test('nothing is told to an address of this machine or a private network, whatever name it has', async (t) => {
  const fn = await startListener(t)
  const hook = await startListener(t)
  const { port } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])])
  const { port: hookPort } = hook.endpoint
  const urls = [
    hook.url,
    `http://localhost:${hookPort}`,
    `http://[::ffff:127.0.0.1]:${hookPort}`,
    `http://2130706433:${hookPort}`
  ]
  for (const url of urls) {
    const headers = { 'x-callback-url': url }
    assert.equal(
      (await ask(port, { method: 'POST', host: 'x', path: '/async-function/alice-fn', headers })).status,
      202
    )
  }
  await until(() => fn.heard.length === urls.length)
  await sleep(200)
  assert.deepEqual(hook.heard, [])
})

test('a redirect of who is told leads nowhere, not even to where a result may be told', async (t) => {
  const fn = await startListener(t)
  const elsewhere = await startListener(t)
  const hook = await startListener(t, [307, 307, 307], { location: elsewhere.url })
  const { port } = await startTestGateway(t, [routeTo('fn', [fn.endpoint])], { CALLBACK_LOOPBACK: 'on' })
  const headers = { 'x-callback-url': hook.url }
  await ask(port, { method: 'POST', host: 'x', path: '/async-function/alice-fn', headers })
  // It counts as not told, and is tried once more.
  await until(() => hook.heard.length === 2)
  assert.deepEqual(elsewhere.heard, [])
})

test('a callback by the gateway’s name in the network reaches functions of the same owner alone', async (t) => {
  const fn = await startListener(t)
  const next = await startListener(t)
  const other = await startListener(t)
  const { port } = await startTestGateway(t, [
    routeTo('fn', [fn.endpoint]),
    routeTo('next', [next.endpoint]),
    routeTo('other', [other.endpoint], { ownerId: 'o-bob', ownerSlug: 'bob', clusterName: 'bob-other' })
  ])
  for (const name of ['bob-other', 'other.bob', 'alice-next']) {
    const headers = { 'x-callback-url': `http://gateway.openfaas:8080/function/${name}/then` }
    await ask(port, { method: 'POST', host: 'x', path: '/async-function/alice-fn', headers, body: 'x' })
  }
  await until(() => next.heard.length === 1)
  await until(() => fn.heard.length === 3)
  await sleep(50)
  assert.deepEqual([next.heard[0]?.path, next.heard[0]?.headers['x-function-name']], ['/then', 'fn.alice'])
  assert.deepEqual(other.heard, [])
})

test('calls that are left count for who may only call so often', async (t) => {
  const fn = await startListener(t)
  const { port } = await startTestGateway(t, [routeTo('fn', [fn.endpoint], { callsPerSecond: 3 })])
  const leave = () => ask(port, { method: 'POST', host: 'x', path: '/async-function/alice-fn' })
  const statuses = (await Promise.all(Array.from({ length: 30 }, leave))).map(({ status }) => status)
  assert.ok(statuses.includes(202) && statuses.includes(429), statuses.join())
})

test('annotations say when to try again, and what cannot be read counts as not said', () => {
  const said = retryPolicyOf({
    'com.openfaas.retry.attempts': '3',
    'com.openfaas.retry.codes': '429, 503',
    'com.openfaas.retry.min_wait': '2s',
    'com.openfaas.retry.max_wait': '5s'
  })
  assert.deepEqual(said, { attempts: 3, codes: [429, 503], minWaitMs: 2000, maxWaitMs: 5000 })
  assert.deepEqual(
    [1, 2, 3].map((made) => retryWaitMs(said, made, null)),
    [2000, 4000, 5000]
  )
  assert.deepEqual([retryWaitMs(said, 1, 3000), retryWaitMs(said, 1, 60_000)], [3000, 5000])
  const odd = retryPolicyOf({
    'com.openfaas.retry.attempts': '-1',
    'com.openfaas.retry.codes': 'all',
    'com.openfaas.retry.min_wait': 'soon'
  })
  assert.deepEqual(odd, { attempts: 10, codes: [408, 429, 500, 502, 503, 504], minWaitMs: 10_000, maxWaitMs: 120_000 })
})
