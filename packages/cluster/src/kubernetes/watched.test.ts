import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { Failure } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { refuse, startApiServer, told } from './api-server.fixture.ts'
import { createWatched } from './watched.ts'

const podOf = (deploymentId: string, name: string, version = '7') => ({
  metadata: {
    namespace: 'slipway-alice',
    name,
    resourceVersion: version,
    labels: { 'com.slipway.installation': 'i1', 'com.slipway.deployment': deploymentId },
    managedFields: [{ manager: 'kubelet' }]
  },
  spec: { containers: [{ name: 'function', image: 'i' }] },
  status: { podIP: '10.0.0.7' }
})

/** An API server whose deployments are none, and whose pods the test tells. */
async function open(t: TestContext) {
  const state = { pods: [podOf('d1', 'one')], isAway: false, watches: new Set<ServerResponse>() }
  const { asked, api } = await startApiServer(t, ({ path, query }, res) => {
    if (state.isAway) return refuse(res, 429, 'too many requests')
    const arePods = path === '/api/v1/pods'
    if (query.get('watch') === 'true') {
      res.flushHeaders()
      if (arePods) state.watches.add(res)
      return
    }
    res.end(JSON.stringify({ metadata: { resourceVersion: '5' }, items: arePods ? state.pods : [] }))
  })
  const warnings: string[] = []
  const logger = { info: () => undefined, warn: (_fields: object, words: string) => void warnings.push(words) }
  const watched = createWatched(api, 'i1', logger)
  t.after(() => watched.close())
  return { state, asked, watched, warnings }
}

const names = (pods: { metadata?: { name?: string } }[]) =>
  pods.map(({ metadata }) => metadata?.name ?? '').sort((a, b) => a.localeCompare(b))

test('who asks first, and who asks while that is answered, both know what there is', async (t) => {
  const { watched, asked } = await open(t)
  await Promise.all([1, 2].map(() => watched.start(t.signal).then(() => assert.equal(watched.pods('d1').length, 1))))
  assert.equal(asked.filter(({ path, query }) => path === '/api/v1/pods' && !query.has('watch')).length, 1)
})

test('a change is told to who waits for that deployment, and what nobody asks for is not held', async (t) => {
  const { watched, state } = await open(t)
  await watched.start(t.signal)
  await waitFor(() => Promise.resolve(state.watches.size === 1), { timeoutMs: 5000 })
  const [watch] = state.watches
  const changed = watched.changed('d1', 10_000, t.signal)
  watch?.write(told('ADDED', podOf('d2', 'other', '8')) + told('ADDED', podOf('d1', 'two', '9')))
  await changed
  assert.deepEqual([names(watched.pods('d1')), names(watched.pods('d2'))], [['one', 'two'], ['other']])
  const [pod] = watched.pods('d1')
  assert.deepEqual([pod?.spec, pod?.metadata?.managedFields], [undefined, undefined])
  const gone = watched.changed('d1', 10_000, t.signal)
  watch?.write(told('DELETED', podOf('d1', 'one', '10')))
  await gone
  assert.deepEqual(names(watched.pods('d1')), ['two'])
})

test('an API server that is away for a while is told once, what was known is kept, and what changed meanwhile is heard', async (t) => {
  const { watched, state, warnings } = await open(t)
  await watched.start(t.signal)
  await waitFor(() => Promise.resolve(state.watches.size === 1), { timeoutMs: 5000 })
  state.isAway = true
  for (const watch of state.watches) watch.destroy()
  state.watches.clear()
  await waitFor(() => Promise.resolve(warnings.length > 0), { timeoutMs: 15_000 })
  assert.deepEqual(names(watched.pods('d1')), ['one'])
  await watched.start(t.signal)
  state.pods = [podOf('d1', 'two'), podOf('d1', 'three')]
  state.isAway = false
  await waitFor(() => Promise.resolve(names(watched.pods('d1')).join() === 'three,two'), { timeoutMs: 15_000 })
  assert.equal(warnings.filter((words) => words.includes('does not tell')).length, warnings.length)
  assert.ok(warnings.length <= 2, 'once for each kind')
})

test('who asks first while nobody answers is told so, and the next one is not once somebody does', async (t) => {
  const { watched, state } = await open(t)
  state.isAway = true
  await assert.rejects(watched.start(t.signal), (err: unknown) => err instanceof Failure && err.code === 'unavailable')
  state.isAway = false
  await waitFor(
    () =>
      watched.start(t.signal).then(
        () => true,
        () => false
      ),
    { timeoutMs: 15_000 }
  )
  assert.deepEqual(names(watched.pods('d1')), ['one'])
})
