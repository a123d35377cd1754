import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Failure } from '@slipway/domain'
import { isLoopback, parseReference, type RegistryAuth } from './reference.ts'
import { createRegistryClient } from './registry.ts'

const signal = new AbortController().signal
const digestInRegistry = (reference: string, auth: RegistryAuth, stop: AbortSignal) =>
  createRegistryClient(auth).digest(reference, stop)
const digest = `sha256:${'a'.repeat(64)}`

async function serve(t: TestContext, answer: (req: IncomingMessage, res: ServerResponse, host: string) => void) {
  const server = createServer((req, res) => answer(req, res, host))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return host
}

test('a registry that hands out tokens is asked for one with the password, and the token is used', async (t) => {
  const asked: string[] = []
  const host = await serve(t, (req, res, self) => {
    asked.push(`${req.method} ${req.url} ${req.headers.authorization}`)
    if (req.url?.startsWith('/token')) return res.end(JSON.stringify({ token: 'short-lived' }))
    if (req.headers.authorization === 'Bearer short-lived') {
      return res.writeHead(200, { 'docker-content-digest': digest }).end()
    }
    const challenge = `Bearer realm="http://${self}/token",service="registry",scope="repository:alice/app:pull"`
    return res.writeHead(401, { 'www-authenticate': challenge }).end()
  })
  const auth = { [host]: { username: 'u', password: 'p' } }
  assert.equal(await digestInRegistry(`${host}/alice/app:key`, auth, signal), digest)
  const basic = `Basic ${Buffer.from('u:p').toString('base64')}`
  assert.deepEqual(asked, [
    `HEAD /v2/alice/app/manifests/key ${basic}`,
    `GET /token?service=registry&scope=repository%3Aalice%2Fapp%3Apull ${basic}`,
    'HEAD /v2/alice/app/manifests/key Bearer short-lived'
  ])
})

test('the password is never sent where a registry points to without encryption', async (t) => {
  const host = await serve(t, (_req, res) =>
    res.writeHead(401, { 'www-authenticate': 'Bearer realm="http://evil.example/token"' }).end()
  )
  const auth = { [host]: { username: 'u', password: 'p' } }
  await assert.rejects(digestInRegistry(`${host}/a/b:c`, auth, signal), /evil\.example without encryption/)
})

test('what a registry answers is told apart', async (t) => {
  const statuses: [number, string | null][] = [
    [404, null],
    [401, 'forbidden'],
    [403, 'forbidden'],
    [500, 'unavailable'],
    [302, 'unavailable'],
    [200, 'unavailable'] // without a digest
  ]
  for (const [status, code] of statuses) {
    const host = await serve(t, (_req, res) => res.writeHead(status).end())
    const asking = digestInRegistry(`${host}/a/b@${digest}`, {}, signal)
    if (code === null) assert.equal(await asking, null)
    else await assert.rejects(asking, (err) => err instanceof Failure && err.code === code, `${status}`)
  }
})

test('names of images are taken apart as engines do', () => {
  const parts = (reference: string) => Object.values(parseReference(reference))
  assert.deepEqual(parts('node'), ['docker.io', 'library/node', null, null])
  assert.deepEqual(parts('alice/app:1'), ['docker.io', 'alice/app', '1', null])
  assert.deepEqual(parts('127.0.0.1:5000/a/b:c'), ['127.0.0.1:5000', 'a/b', 'c', null])
  assert.deepEqual(parts('localhost/a'), ['localhost', 'a', null, null])
  assert.deepEqual(parts(`r.example/a/b:c@${digest}`), ['r.example', 'a/b', 'c', digest])
})

test('only the loopback interface is spoken to without encryption', () => {
  for (const host of ['127.0.0.1', '127.0.0.1:5000', 'localhost:5000', '[::1]:5000', '127.1.2.3']) {
    assert.ok(isLoopback(host), host)
  }
  for (const host of ['127.0.0.1.evil.example', 'localhost.evil.example', '10.0.0.1', 'r.example:127', '1127.0.0.1']) {
    assert.ok(!isLoopback(host), host)
  }
})
