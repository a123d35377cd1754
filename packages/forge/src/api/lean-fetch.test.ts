import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { leanFetch } from './lean-fetch.ts'

async function serve(t: TestContext, handle: (req: IncomingMessage, res: ServerResponse) => void): Promise<string> {
  const server = createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of req) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}

test('a call brings method, headers and body, and its answer is whole', async (t) => {
  const url = await serve(t, (req, res) => {
    void (async () => {
      const body = await bodyOf(req)
      res.writeHead(201, { 'x-seen': [req.method, req.headers['content-length'], req.headers['x-mine']].join(' ') })
      res.write(body.slice(0, 3))
      setTimeout(() => res.end(body.slice(3)), 20)
    })()
  })
  const answer = await leanFetch(url, { method: 'POST', headers: { 'x-mine': 'yes' }, body: '{"ä":1}' })
  assert.deepEqual([answer.ok, answer.status, answer.statusText], [true, 201, 'Created'])
  assert.equal(answer.headers.get('X-Seen'), 'POST 8 yes')
  assert.equal(new Map(answer.headers).get('x-seen'), 'POST 8 yes')
  assert.equal(await answer.text(), '{"ä":1}')
  assert.equal(Buffer.from(await answer.arrayBuffer()).toString(), '{"ä":1}')
})

test('a redirect is followed, but no token goes to another address', async (t) => {
  const seen: (string | undefined)[] = []
  const elsewhere = await serve(t, (req, res) => {
    seen.push(req.headers.authorization)
    res.end('there')
  })
  const url = await serve(t, (req, res) => {
    seen.push(req.headers.authorization)
    if (req.url === '/moved') res.writeHead(301, { location: '/near' }).end()
    else res.writeHead(302, { location: elsewhere }).end()
  })
  const headers = { Authorization: 'Bearer secret' }
  const answer = await leanFetch(`${url}/moved`, { headers })
  assert.equal(await answer.text(), 'there')
  assert.deepEqual(seen, ['Bearer secret', 'Bearer secret', undefined])
  await assert.rejects(leanFetch(`${url}/moved`, { headers, redirect: 'error' }), /unexpected redirect/)
  await assert.rejects(leanFetch(`${url}/moved`, { method: 'POST', body: '{}' }), /POST was redirected with status 301/)
})

test('a redirect that goes round, or to a file, ends', async (t) => {
  const url = await serve(t, (req, res) => {
    res.writeHead(307, { location: req.url === '/file' ? 'file:///etc/passwd' : '/round' }).end()
  })
  await assert.rejects(leanFetch(`${url}/round`, {}), /unexpected redirect/)
  await assert.rejects(leanFetch(`${url}/file`, {}), /a redirect to file:/)
})

test('a call that is given up ends, before the answer and in the middle of it', { timeout: 10_000 }, async (t) => {
  const url = await serve(t, (req, res) => {
    if (req.url === '/half') res.writeHead(200, { 'content-length': 10 }).write('half')
  })
  await assert.rejects(leanFetch(`${url}/none`, { signal: AbortSignal.timeout(50) }), { name: 'AbortError' })
  await assert.rejects(leanFetch(`${url}/half`, { signal: AbortSignal.timeout(50) }))
  await assert.rejects(leanFetch(url, { signal: AbortSignal.abort() }), { name: 'AbortError' })
})

test('an answer that breaks off, and nobody there, are errors that say so', async (t) => {
  const url = await serve(t, (_req, res) => {
    res.writeHead(200, { 'content-length': 10 }).write('half')
    setTimeout(() => res.destroy(), 20)
  })
  await assert.rejects(leanFetch(url, {}), /aborted/)
  const gone = createServer()
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve))
  const { port } = gone.address() as AddressInfo
  await new Promise((resolve) => gone.close(resolve))
  await assert.rejects(leanFetch(`http://localhost:${port}`, {}), /ECONNREFUSED/)
})
