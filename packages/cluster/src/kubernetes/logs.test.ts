import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { runtimeLineLimit } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { mergedLogs } from '../log-order.ts'
import { type Asked, refuse, startApiServer, told } from './api-server.fixture.ts'
import { followedPods, podLogs } from './logs.ts'
import { createWatched } from './watched.ts'

const pod = { namespace: 'slipway-alice', name: 'hello-1' }
const once = { follow: false, since: null, tail: null }
const stamp = (second: number) => `2026-01-01T00:00:0${second}.000000000Z`
const silent = { info: () => undefined, warn: () => undefined }

test('a log is found behind an address that leads to many clusters, by the path of each', async (t) => {
  const { api, asked } = await startApiServer(t, (_asked, res) => res.end(`${stamp(1)} one\r\n${stamp(2)} two`), {
    prefix: '/k8s/clusters/c-1'
  })
  const lines = await Array.fromAsync(podLogs(api, pod, { ...once, tail: 5 }, t.signal))
  assert.deepEqual(
    lines.map(({ at, text, instance }) => [at, text, instance]),
    [
      [Date.parse(stamp(1)), 'one', 'hello-1'],
      [Date.parse(stamp(2)), 'two', 'hello-1']
    ]
  )
  assert.equal(asked[0]?.path, '/k8s/clusters/c-1/api/v1/namespaces/slipway-alice/pods/hello-1/log')
  assert.deepEqual([asked[0]?.query.get('container'), asked[0]?.query.get('tailLines')], ['function', '5'])
})

test('a line that does not end is told as far as one may go, and the next one is whole again', async (t) => {
  const opened = Promise.withResolvers<ServerResponse>()
  const { api } = await startApiServer(t, (_asked, res) => {
    res.write(`${stamp(1)} `)
    for (let part = 0; part < 20; part++) res.write('x'.repeat(64 * 1024))
    opened.resolve(res)
  })
  const lines = podLogs(api, pod, { ...once, follow: true }, t.signal)
  const first = await lines.next()
  assert.equal(first.value?.text.length, runtimeLineLimit)
  const res = await opened.promise
  res.end(`xxx\n${stamp(2)} next\n`)
  assert.deepEqual((await lines.next()).value?.text, 'next')
  assert.equal((await lines.next()).done, true)
})

test('a log that breaks off is an error, and one whose reader goes is none', async (t) => {
  const { api } = await startApiServer(t, (_asked, res) => {
    res.write(`${stamp(1)} one\n`)
    setTimeout(() => res.destroy(), 100)
  })
  await assert.rejects(Array.fromAsync(podLogs(api, pod, { ...once, follow: true }, t.signal)), /does not answer/)
  const reader = new AbortController()
  for await (const { text } of podLogs(api, pod, { ...once, follow: true }, reader.signal)) {
    assert.equal(text, 'one')
    reader.abort()
  }
})

/** A deployment whose pods the test makes, and what they print each time that their log is opened. */
async function openDeployment(t: TestContext, printed: Record<string, string[]>) {
  const metadata = (name: string) => ({
    namespace: 'slipway-alice',
    name,
    resourceVersion: '7',
    labels: { 'com.slipway.deployment': 'd1' }
  })
  const watches = new Map<string, ServerResponse>()
  const logs: Asked[] = []
  const running = new Set<ServerResponse>()
  let isGone = false
  const { api } = await startApiServer(t, (asked, res) => {
    if (asked.path.endsWith('/log')) {
      logs.push(asked)
      if (isGone) return refuse(res, 404, 'no such pod')
      const text = printed[asked.path.split('/').at(-2) ?? '']?.shift()
      if (text === undefined) running.add(res)
      else res.end(text)
      return
    }
    const isPods = asked.path === '/api/v1/pods'
    if (asked.query.get('watch') === 'true') {
      res.flushHeaders()
      watches.set(isPods ? 'pods' : 'deployments', res)
      return
    }
    const items = [{ metadata: metadata(isPods ? 'hello-1' : 'hello'), status: { phase: 'Running' } }]
    res.end(JSON.stringify({ metadata: { resourceVersion: '5' }, items }))
  })
  const watched = createWatched(api, 'i1', silent)
  t.after(() => watched.close())
  const tell = (kind: 'pods' | 'deployments', type: string, name: string) =>
    watches.get(kind)?.write(told(type, { metadata: metadata(name), status: { phase: 'Running' } }))
  await watched.start(t.signal)
  await waitFor(() => Promise.resolve(watches.size === 2), { timeoutMs: 5000 })
  const end = () => {
    isGone = true
    for (const name of Object.keys(printed)) tell('pods', 'DELETED', name)
    tell('deployments', 'DELETED', 'hello')
    for (const log of running) log.end()
  }
  return { api, watched, tell, logs, end }
}

test('a followed log goes on where a container is started again and where a pod is added, until the deployment goes', async (t) => {
  const { api, watched, tell, logs, end } = await openDeployment(t, {
    'hello-1': [`${stamp(1)} one\n`, `${stamp(1)} one\n${stamp(2)} two, after a crash\n`],
    'hello-2': [`${stamp(1)} of the other\n`]
  })
  const options = { follow: true, since: null, tail: 10 }
  const later = (signal: AbortSignal) => followedPods(api, watched, 'd1', options, signal)
  const texts: string[] = []
  const reading = (async () => {
    for await (const { text } of mergedLogs(() => Promise.resolve([]), true, t.signal, later)) texts.push(text)
  })()
  await waitFor(() => Promise.resolve(texts.length === 2), { timeoutMs: 10_000 })
  tell('pods', 'ADDED', 'hello-2')
  await waitFor(() => Promise.resolve(texts.length === 3), { timeoutMs: 10_000 })
  assert.deepEqual(texts, ['one', 'two, after a crash', 'of the other'])
  const askedOf = (name: string) => logs.filter(({ path }) => path.endsWith(`${name}/log`)).map(({ query }) => query)
  assert.deepEqual(
    askedOf('hello-1')
      .slice(0, 2)
      .map((query) => [query.get('tailLines'), query.get('sinceTime')]),
    [
      ['10', null],
      [null, '2026-01-01T00:00:01.000Z']
    ]
  )
  assert.equal(askedOf('hello-2')[0]?.get('tailLines'), null)
  end()
  await reading
})
