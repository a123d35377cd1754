import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { type TestContext, test } from 'node:test'
import { ask, closedEndpoint, sendRaw, startFunction, startTestGateway } from './gateway-for-test.ts'

async function startWithApi(t: TestContext) {
  const asked: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = []
  const api = await startFunction(t, async (req, res) => {
    let body = ''
    for await (const part of req) body += String(part)
    asked.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers, body })
    if (req.url?.startsWith('/system/logs') === true) {
      res.writeHead(200, { 'content-type': 'application/x-ndjson' })
      res.write('{"text":"first"}\n')
      return
    }
    res.writeHead(202, { 'content-type': 'application/json', 'set-cookie': 'slipway=x' })
    res.end('{"message":"taken"}')
  })
  const API_URL = `http://127.0.0.1:${api.endpoint.port}`
  const gateway = await startTestGateway(t, [], { API_URL, FUNCTIONS_DOMAIN: 'fn.test' })
  return { asked, gateway, api }
}

test('what manages functions goes to the status API as it came, without cookies and without word of another client', async (t) => {
  const { asked, gateway } = await startWithApi(t)
  const res = await fetch(`${gateway.url}/system/functions?namespace=alice`, {
    method: 'PUT',
    headers: {
      authorization: 'Basic eDp5',
      'content-type': 'application/json',
      cookie: '__Host-slipway=session; slipway=session',
      'x-forwarded-for': '203.0.113.1',
      origin: 'https://elsewhere.test'
    },
    body: '{"service":"hello"}'
  })
  assert.deepEqual([res.status, await res.text()], [202, '{"message":"taken"}'])
  assert.equal(res.headers.get('set-cookie'), null)
  const [call] = asked
  assert.deepEqual(
    [call?.method, call?.url, call?.body],
    ['PUT', '/system/functions?namespace=alice', '{"service":"hello"}']
  )
  const { authorization, cookie, origin, 'x-forwarded-for': forwardedFor } = call?.headers ?? {}
  assert.deepEqual([authorization, cookie, forwardedFor], ['Basic eDp5', undefined, undefined])
  assert.equal(origin, 'https://elsewhere.test')
})

test('a body of unknown length is passed on whatever the method is', async (t) => {
  const { asked, gateway } = await startWithApi(t)
  const head = 'DELETE /system/functions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n'
  const text = await sendRaw(gateway.port, `${head}3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n`)
  assert.match(text, /^HTTP\/1\.1 202 /)
  assert.deepEqual([asked[0]?.method, asked[0]?.body], ['DELETE', '{"a":1}'])
})

test('a stream of logs arrives while it is open, and ends at the status API when the caller leaves', async (t) => {
  const { gateway, api } = await startWithApi(t)
  const left = new Promise((resolve) => api.server.on('request', (_req, res) => res.once('close', resolve)))
  const leave = new AbortController()
  const res = await fetch(`${gateway.url}/system/logs?name=hello&follow=true`, { signal: leave.signal })
  const { value } = (await res.body?.getReader().read()) ?? {}
  assert.equal(Buffer.from(value ?? []).toString(), '{"text":"first"}\n')
  leave.abort()
  await left
})

test('only on the gateway’s own hosts, and nothing else than /system is passed on', async (t) => {
  const { asked, gateway } = await startWithApi(t)
  const statusOf = async (path: string) => (await fetch(`${gateway.url}${path}`)).status
  assert.equal(await statusOf('/api/v1/functions'), 404)
  assert.equal(await statusOf('/system'), 404)
  assert.equal(await statusOf('/%73ystem/functions'), 404)
  assert.equal((await ask(gateway.port, { path: '/system/functions', host: 'alice.fn.test' })).status, 404)
  assert.equal(asked.length, 0)
})

test('a status API that is away is told as 503, and one that is not set as 404', async (t) => {
  const { port } = await closedEndpoint(t)
  const away = await startTestGateway(t, [], { API_URL: `http://127.0.0.1:${port}` })
  const res = await fetch(`${away.url}/system/functions`)
  assert.deepEqual([res.status, ((await res.json()) as { code: string }).code], [503, 'unavailable'])
  const unset = await startTestGateway(t, [])
  assert.equal((await fetch(`${unset.url}/system/functions`)).status, 404)
})
