import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApiServer } from './api-server.fixture.ts'
import { createRemoval } from './removal.ts'

const labels = {
  'com.slipway.installation': 'i1',
  'com.slipway.deployment': 'd1',
  'com.slipway.owner': 'alice',
  'com.slipway.function': 'hello'
}
const object = { metadata: { namespace: 'slipway-alice', name: 'hello-1', labels, uid: 'u', resourceVersion: '3' } }

test('what all versions share goes before the last one, and a pod of a node that is gone is not waited for for ever', async (t) => {
  let clock = 0
  const graces: (string | null)[] = []
  const { api, asked } = await startApiServer(t, ({ method, path, query }, res) => {
    const isGone = graces.includes('0')
    if (method === 'DELETE' && path.endsWith('/pods')) graces.push(query.get('gracePeriodSeconds'))
    if (method === 'DELETE') return res.end('{}')
    if (path.includes('/services/')) return res.end(JSON.stringify(object))
    const isOther = query.get('labelSelector')?.includes('!=') === true
    res.end(JSON.stringify({ items: isOther || (path.endsWith('/pods') && isGone) ? [] : [object] }))
  })
  const changed = () => {
    clock += 9000
    return Promise.resolve()
  }
  const never = () => assert.fail('it does not ask for that')
  const remove = createRemoval({
    api,
    watched: { start: never, deployment: never, pods: never, changed, close: never },
    installation: 'i1',
    ingressNamespace: null,
    logger: { info: () => undefined, warn: () => undefined },
    monotonicNow: () => clock
  })
  await remove('d1', 10_000, t.signal)
  assert.deepEqual(graces, ['10', '10', '10', '0'])
  const removed = asked.filter(({ method }) => method === 'DELETE').map(({ path }) => path.split('/').at(-1))
  assert.deepEqual(removed, ['hello', 'deployments', 'pods', 'pods', 'pods', 'pods'])
})
