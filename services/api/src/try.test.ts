import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { imageOf, pushOf, seedLive, specOf } from '@slipway/testing'
import { commits, createApiForTest } from './api.fixture.ts'
import { addressOf } from './try-handler.ts'

test('a function is called through the gateway, and its answer told with its headers', async (t) => {
  const gateway = createServer((request, response) => {
    const { method, url, headers } = request
    response.setHeader('x-made-by', 'the test')
    response.statusCode = 418
    request.setEncoding('utf8')
    request.once('data', (body) => response.end(JSON.stringify({ method, url, body, own: headers['x-own'] })))
  }).listen(0, '127.0.0.1')
  t.after(() => gateway.close())
  await new Promise((listening) => gateway.once('listening', listening))
  const gatewayUrl = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`
  const { api, store } = await createApiForTest(t, { gatewayUrl })
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  const asked = { method: 'POST', path: '/a?b=c', headers: { 'x-own': 'yes', host: 'elsewhere' }, body: 'hi' } as const
  const { status, headers, body } = await api.tryFunction({ owner: 'alice', name: 'hello', ...asked })
  assert.deepEqual([status, headers['x-made-by']], [418, 'the test'])
  assert.deepEqual(JSON.parse(body), { method: 'POST', url: '/function/alice-hello/a?b=c', body: 'hi', own: 'yes' })
  const broken = { owner: 'alice', name: 'hello', method: 'GET', headers: { 'bad name': 'x' } } as const
  await assert.rejects(api.tryFunction(broken), { code: 'invalid-request' })
})

test('hostile: no path leads to another function or away from the gateway', () => {
  const of = (path: string) => addressOf('http://gateway.test', 'alice-hello', path).href
  assert.equal(of('/x?y=/../z'), 'http://gateway.test/function/alice-hello/x?y=/../z')
  for (const path of ['/../bob-hello', '/%2e%2e/bob-hello', '/.././../healthz', '\\..\\..\\x'])
    assert.throws(() => of(path), Failure, path)
})
