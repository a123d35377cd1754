import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Failure } from '@slipway/domain'
import { connectKubernetes } from './api.ts'
import { sliceOf } from './slice.fixture.ts'
import { createSliceFeed } from './slice-feed.ts'

/** What an API server says: a list, and then as many watches as there are answers. */
async function startFeed(t: TestContext, watches: ((res: ServerResponse) => void)[]) {
  const asked: URLSearchParams[] = []
  const server = createServer((req, res) => {
    const { searchParams } = new URL(req.url ?? '', 'http://api')
    asked.push(searchParams)
    res.setHeader('content-type', 'application/json')
    if (searchParams.get('watch') === 'true') watches.shift()?.(res)
    else res.end(JSON.stringify({ metadata: { resourceVersion: '5' }, items: [sliceOf('alice', 'hello', [])] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const directory = await mkdtemp(join(tmpdir(), 'slipway-slices-'))
  t.after(() => rm(directory, { recursive: true }))
  const kubeconfig = join(directory, 'config')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const cluster = { name: 'c', cluster: { server: url, 'insecure-skip-tls-verify': true } }
  const context = { name: 'x', context: { cluster: 'c', user: 'u' } }
  const users = [{ name: 'u', user: {} }]
  const written = { clusters: [cluster], users, contexts: [context], 'current-context': 'x' }
  await writeFile(kubeconfig, JSON.stringify(written))
  const heard: string[] = []
  const closing = new AbortController()
  const feed = createSliceFeed(await connectKubernetes(kubeconfig), 'i1')
  const ended = feed(
    {
      all: (slices) => void heard.push(`all ${slices.length}`),
      put: ({ metadata }) => void heard.push(`put ${metadata?.namespace}/${metadata?.name}`),
      remove: ({ metadata }) => void heard.push(`remove ${metadata?.namespace}/${metadata?.name}`),
      beat: () => undefined
    },
    closing.signal
  ).catch((err: unknown) => err)
  return { asked, heard, ended, close: () => closing.abort(new Error('enough')) }
}

const line = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`

test('all slices of the installation are told, then every change, and a watch that ends goes on from there', async (t) => {
  const isSecond = Promise.withResolvers<void>()
  const changed = sliceOf('alice', 'hello', [], { version: '8' })
  const { asked, heard, ended, close } = await startFeed(t, [
    (res) => res.end(line('ADDED', sliceOf('bob', 'hello', [])) + line('MODIFIED', changed)),
    (res) => {
      res.write(line('DELETED', sliceOf('bob', 'hello', [])), () => isSecond.resolve())
      res.write(line('BOOKMARK', { metadata: { resourceVersion: '9' } }))
      res.end(line('ERROR', { code: 410, message: 'too old' }))
    }
  ])
  await isSecond.promise
  const err = await ended
  close()
  assert.ok(err instanceof Failure && err.code === 'unavailable', String(err))
  assert.match(err.message, /too old/)
  const put = ['put slipway-bob/hello-abcde', 'put slipway-alice/hello-abcde']
  assert.deepEqual(heard, ['all 1', ...put, 'remove slipway-bob/hello-abcde'])
  assert.deepEqual(
    asked.map((query) => [query.get('labelSelector'), query.get('resourceVersion')]),
    [null, '5', '8'].map((version) => ['com.slipway.installation=i1', version])
  )
})

test('it ends at once when it is given up, and when the watch is refused', async (t) => {
  const isOpen = Promise.withResolvers<void>()
  const first = await startFeed(t, [
    (res) => {
      res.flushHeaders()
      isOpen.resolve()
    }
  ])
  await isOpen.promise
  first.close()
  assert.match(String(await first.ended), /enough/)
  const second = await startFeed(t, [(res) => void res.writeHead(403).end()])
  assert.ok((await second.ended) instanceof Failure)
})
