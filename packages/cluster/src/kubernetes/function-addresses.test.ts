import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { V1EndpointSlice } from '@kubernetes/client-node'
import { Failure } from '@slipway/domain'
import type { FeedListener } from './feed.ts'
import { createFunctionAddresses, type FunctionAddressesOptions } from './function-addresses.ts'
import { sliceOf } from './slice.fixture.ts'

/** Tells what the test says. */
function open(t: TestContext, more: Partial<FunctionAddressesOptions> = {}) {
  const feed = Promise.withResolvers<FeedListener<V1EndpointSlice>>()
  const broken = Promise.withResolvers<never>()
  const warnings: string[] = []
  let clock = 0
  const addresses = createFunctionAddresses({
    feed: (listener, signal) => {
      feed.resolve(listener)
      signal.addEventListener('abort', () => broken.reject(signal.reason))
      return broken.promise
    },
    logger: { info: () => undefined, warn: (_fields, message) => void warnings.push(message) },
    settleMs: 30_000,
    now: () => clock,
    ...more
  })
  t.after(() => addresses.close())
  return {
    addresses,
    told: feed.promise,
    warnings,
    breakOff: (err: Error) => broken.reject(err),
    pass: (ms: number) => {
      clock += ms
    }
  }
}

const alice = (change = {}) => sliceOf('alice', 'hello', [{ address: '10.0.0.1', ...change }])

test('a pod that calls before the cluster has told of it is waited for', async (t) => {
  const { addresses, told } = open(t)
  const asked = addresses.ownerOf('10.0.0.1')
  const listener = await told
  listener.all([])
  listener.put(sliceOf('bob', 'hello', [{ address: '10.0.0.2' }]))
  listener.put(alice({ ready: false }))
  assert.equal(await asked, 'alice')
})

test('an address that is no pod’s is nobody’s, and is waited for once only', async (t) => {
  const { addresses, told } = open(t, { settleMs: 100 })
  const listener = await told
  listener.all([alice()])
  assert.equal(await addresses.ownerOf('10.244.0.1'), null)
  let isAnswered = false
  const asked = addresses.ownerOf('10.244.0.1').finally(() => {
    isAnswered = true
  })
  await nextTurn()
  assert.ok(isAnswered)
  assert.equal(await asked, null)
})

test('of a pod that ends it is seen first whether its address is somebody else’s in a moment', async (t) => {
  const { addresses, told } = open(t)
  const listener = await told
  listener.all([alice({ terminating: true })])
  const asked = addresses.ownerOf('10.0.0.1')
  listener.put(sliceOf('bob', 'hello', [{ address: '10.0.0.1' }]))
  assert.equal(await asked, 'bob')
})

test('a pod that ends still calls others of its owner', async (t) => {
  const { addresses, told } = open(t, { settleMs: 3 })
  const listener = await told
  listener.all([alice({ terminating: true })])
  assert.equal(await addresses.ownerOf('10.0.0.1'), 'alice')
})

test('when the cluster has said nothing for long nobody is believed any more, until it says something again', async (t) => {
  const { addresses, told, pass } = open(t, { settleMs: 1, believedMs: 60_000 })
  const listener = await told
  listener.all([alice()])
  pass(60_000)
  assert.equal(await addresses.ownerOf('10.0.0.1'), 'alice')
  pass(1)
  assert.equal(await addresses.ownerOf('10.0.0.1'), null)
  listener.beat()
  assert.equal(await addresses.ownerOf('10.0.0.1'), 'alice')
})

test('what was told is believed for a while when the watch breaks off, and it is said once', async (t) => {
  const { addresses, told, warnings, breakOff } = open(t)
  const listener = await told
  listener.all([alice()])
  breakOff(new Failure('unavailable', 'the API server is away'))
  assert.equal(await addresses.ownerOf('10.0.0.1'), 'alice')
  assert.deepEqual(warnings, ['the Kubernetes API does not tell addresses of functions'])
})
