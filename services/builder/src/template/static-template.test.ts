import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { type Planted } from '../context/checkout.fixture.ts'
import { startFunction } from './running-function.fixture.ts'

const site = {
  'index.html': '<h1>home</h1>',
  'app.js': 'x',
  'docs/index.html': 'docs',
  'docs/päge.html': 'page',
  'data.bin': Buffer.from([0, 1]),
  '.env': 'secret',
  '.well-known/security.txt': 'contact'
}

function serve(t: TestContext, files: Record<string, Planted> = site) {
  return startFunction(t, 'static', files)
}

/** A request whose path no client tidies up. */
async function raw(port: number, path: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  return text(socket)
}

test('files are served with their types, folders by their index', async (t) => {
  const { url } = await serve(t)
  const got = async (path: string) => {
    const response = await fetch(url + path)
    return [response.status, response.headers.get('content-type'), await response.text()]
  }
  assert.deepEqual(await got('/'), [200, 'text/html; charset=utf-8', '<h1>home</h1>'])
  assert.deepEqual(await got('/app.js?v=1'), [200, 'text/javascript; charset=utf-8', 'x'])
  assert.deepEqual(await got('/docs/'), [200, 'text/html; charset=utf-8', 'docs'])
  assert.deepEqual(await got('/docs/p%C3%A4ge.html'), [200, 'text/html; charset=utf-8', 'page'])
  assert.deepEqual(await got('/data.bin'), [200, 'application/octet-stream', '\0\x01'])
  assert.deepEqual(await got('/.well-known/security.txt'), [200, 'text/plain; charset=utf-8', 'contact'])
  assert.deepEqual(await got('/none'), [404, 'text/plain; charset=utf-8', 'not found'])
  assert.deepEqual(await got('/app.js/'), [404, 'text/plain; charset=utf-8', 'not found'])
  assert.deepEqual(await got('/_/ready'), [200, 'text/plain; charset=utf-8', 'OK'])
})

test('a folder without its slash is answered with a relative redirect, so that prefixes of the path survive', async (t) => {
  const { url } = await serve(t)
  const response = await fetch(`${url}/docs`, { redirect: 'manual' })
  assert.deepEqual([response.status, response.headers.get('location')], [301, './docs/'])
  assert.equal(await (await fetch(`${url}/docs`)).text(), 'docs')
})

test('a page of one’s own answers for what is not there', async (t) => {
  const { url } = await serve(t, { ...site, '404.html': 'lost' })
  const response = await fetch(`${url}/none`)
  assert.deepEqual([response.status, await response.text()], [404, 'lost'])
})

test('an ETag that is known answers 304, and changes with the content', async (t) => {
  const { url } = await serve(t)
  const etag = (await fetch(`${url}/app.js`)).headers.get('etag') ?? ''
  const again = await fetch(`${url}/app.js`, { headers: { 'if-none-match': `W/${etag}` } })
  assert.deepEqual([again.status, await again.text()], [304, ''])
  assert.equal((await fetch(`${url}/app.js`, { headers: { 'if-none-match': '"other"' } })).status, 200)
  const other = await serve(t, { ...site, 'app.js': 'y' })
  assert.notEqual((await fetch(`${other.url}/app.js`)).headers.get('etag'), etag)
})

test('HEAD tells without sending, other methods are refused', async (t) => {
  const { url } = await serve(t)
  const head = await fetch(`${url}/app.js`, { method: 'HEAD' })
  assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '1', ''])
  const post = await fetch(`${url}/app.js`, { method: 'POST', body: 'x' })
  assert.deepEqual([post.status, post.headers.get('allow')], [405, 'GET, HEAD'])
})

test('nothing outside of the folder is served, nor what begins with a dot', async (t) => {
  const { port, url } = await serve(t, { ...site, out: { link: '/etc/passwd' } })
  for (const path of [
    '/../index.mjs',
    '/%2e%2e/index.mjs',
    '/docs/../../index.mjs',
    '/..%2findex.mjs',
    '/docs/%2e%2e%2f%2e%2e%2findex.mjs',
    '/.env',
    '/%2eenv',
    '/out',
    '/%00',
    '/%',
    '/\\..\\index.mjs',
    '//../index.mjs',
    '/docs/./x'
  ]) {
    const answer = await raw(port, path)
    assert.match(answer, /^HTTP\/1\.1 4\d\d /, path)
    assert.doesNotMatch(answer, /root:|createFileServer|secret/, path)
  }
  assert.equal((await fetch(url)).status, 200)
})

test('SIGTERM ends it with code 0', async (t) => {
  const fn = await serve(t)
  await (await fetch(fn.url)).text()
  const { code, ms } = await fn.stop()
  assert.equal(code, 0)
  assert.ok(ms < 2000)
})
