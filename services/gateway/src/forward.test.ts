import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ask, readBody, routeTo, startFunction, startTestGateway } from './gateway-for-test.ts'

describe('a call', () => {
  test('reaches its function with method, path, query and body, byte for byte', async (t) => {
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
})
