import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import type { V1EndpointSlice } from '@kubernetes/client-node'
import { Failure } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { refuse, startApiServer, told } from './api-server.fixture.ts'
import { createFeed, type FeedOf } from './feed.ts'
import { sliceOf } from './slice.fixture.ts'

const labelSelector = 'com.slipway.installation=i1'
const path = '/apis/discovery.k8s.io/v1/endpointslices'

/** What an API server says: as many lists and watches as there are answers, the last list for ever. */
async function startFeed(
  t: TestContext,
  watches: ((res: ServerResponse) => void)[],
  { lists = [], ...more }: { lists?: V1EndpointSlice[][] } & Partial<FeedOf<V1EndpointSlice>> = {}
) {
  const left = lists.length === 0 ? [[sliceOf('alice', 'hello', [])]] : [...lists]
  const { asked, api } = await startApiServer(t, ({ query }, res) => {
    if (query.get('watch') === 'true') watches.shift()?.(res)
    else {
      const items = (left.length > 1 ? left.shift() : left[0]) ?? []
      res.end(JSON.stringify({ metadata: { resourceVersion: '5' }, items }))
    }
  })
  const discovery = api.config.makeApiClient(api.client.DiscoveryV1Api)
  const feed = createFeed<V1EndpointSlice>(api, {
    what: 'endpoint slices',
    path,
    labelSelector,
    list: (page, settings) => discovery.listEndpointSliceForAllNamespaces({ labelSelector, ...page }, settings),
    ...more
  })
  const heard: string[] = []
  const closing = new AbortController()
  const nameOf = ({ metadata }: V1EndpointSlice) => `${metadata?.namespace}/${metadata?.name}`
  const ended = feed(
    {
      all: (slices) => void heard.push(`all ${slices.map(nameOf).join()}`),
      put: (slice) => void heard.push(`put ${nameOf(slice)}`),
      remove: (slice) => void heard.push(`remove ${nameOf(slice)}`),
      beat: () => undefined
    },
    closing.signal
  ).catch((err: unknown) => err)
  const close = () => closing.abort(new Error('enough'))
  t.after(close)
  return { asked, heard, ended, close }
}

const isWatch = ({ query }: { query: URLSearchParams }) => query.get('watch') === 'true'

test('all objects of the installation are told, then every change, and a watch that ends goes on from there', async (t) => {
  const changed = sliceOf('alice', 'hello', [], { version: '8' })
  const { asked, heard, ended } = await startFeed(t, [
    (res) => res.end(told('ADDED', sliceOf('bob', 'hello', [])) + told('MODIFIED', changed)),
    (res) => {
      res.write(told('DELETED', sliceOf('bob', 'hello', [])))
      res.end(told('ERROR', { code: 500, message: 'etcd is away' }))
    }
  ])
  const err = await ended
  assert.ok(err instanceof Failure && err.code === 'unavailable', String(err))
  assert.match(err.message, /etcd is away/)
  const put = ['put slipway-bob/hello-abcde', 'put slipway-alice/hello-abcde']
  assert.deepEqual(heard, ['all slipway-alice/hello-abcde', ...put, 'remove slipway-bob/hello-abcde'])
  assert.deepEqual(
    asked.map((call) => [isWatch(call), call.query.get('labelSelector'), call.query.get('resourceVersion')]),
    [
      [false, labelSelector, null],
      [true, labelSelector, '5'],
      [true, labelSelector, '8']
    ]
  )
})

const tooOld = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 5 (900)' }
const forgotten = [
  { how: 'in the watch', answer: (res: ServerResponse) => void res.end(told('ERROR', tooOld)) },
  { how: 'for the watch', answer: (res: ServerResponse) => refuse(res, 410, tooOld.message) }
]
for (const { how, answer } of forgotten) {
  test(`410 ${how}: all objects are asked for again, and what has gone meanwhile is told`, async (t) => {
    const lists = [[sliceOf('alice', 'hello', [])], [sliceOf('bob', 'hello', [])]]
    const { asked, heard } = await startFeed(t, [answer], { lists })
    await waitFor(() => Promise.resolve(asked.filter(isWatch).length === 2), { timeoutMs: 10_000 })
    assert.deepEqual(heard, ['all slipway-alice/hello-abcde', 'all slipway-bob/hello-abcde'])
  })
}

test('all objects are asked for again now and then, whatever the watches told, by one watch at a time', async (t) => {
  let open = 0
  let mostOpen = 0
  const silent = (res: ServerResponse) => {
    mostOpen = Math.max(mostOpen, ++open)
    res.once('close', () => open--)
    res.write(told('BOOKMARK', { metadata: { resourceVersion: '6' } }))
    setTimeout(() => res.end(), 1000)
  }
  const { asked, heard } = await startFeed(
    t,
    Array.from({ length: 20 }, () => silent),
    { resyncMs: 500 }
  )
  await waitFor(() => Promise.resolve(heard.filter((what) => what.startsWith('all')).length === 3), {
    timeoutMs: 10_000
  })
  const kinds = asked.map((call) => (isWatch(call) ? 'watch' : 'list'))
  assert.deepEqual(kinds.slice(0, 5), ['list', 'watch', 'list', 'watch', 'list'])
  assert.equal(mostOpen, 1)
})

test('a watch that says nothing any more and does not end is given up, and gone on with from where it was', async (t) => {
  let isClosed = false
  const { asked } = await startFeed(
    t,
    [
      (res) => {
        res.once('close', () => (isClosed = true))
        res.write(told('ADDED', sliceOf('bob', 'hello', [], { version: '8' })))
      }
    ],
    { watchMs: 100 }
  )
  await waitFor(() => Promise.resolve(asked.filter(isWatch).length === 2), { timeoutMs: 15_000 })
  assert.equal(asked.filter(isWatch)[1]?.query.get('resourceVersion'), '8')
  assert.ok(isClosed)
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
