import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageOf, pushOf, seedLive, specOf } from '@slipway/testing'
import { commits, createApiForTest, givenUpCallOf } from './api.fixture.ts'

test('calls that were given up are listed for one owner, made again and forgotten', async (t) => {
  const { api, store, givenUpCalls } = await createApiForTest(t)
  const functions = ['hello', 'other'].map((name) => ({ spec: specOf(name), image: imageOf(name) }))
  await seedLive(store, pushOf(commits.a), functions, Date.now())
  await store.owners.add('bob', 1)
  const ownerId = (await store.owners.findBySlug('alice'))?.id ?? ''
  for (const [name, id] of [
    ['hello', '1'],
    ['hello', '2'],
    ['other', '3']
  ]) {
    givenUpCalls.push(givenUpCallOf(`${ownerId}/${name}`, String(id)))
  }
  const list = async (input: { owner: string; function?: string }) =>
    (await api.listGivenUpCalls({ state: 'failed', ...input })).items.map((one) => `${one.function} ${one.id}`)
  assert.deepEqual(await list({ owner: 'alice' }), ['hello 1', 'hello 2', 'other 3'])
  assert.deepEqual(await list({ owner: 'alice', function: 'other' }), ['other 3'])
  assert.deepEqual(await list({ owner: 'bob' }), [])
  const hello = { owner: 'alice', name: 'hello' }
  await api.retryGivenUpCall({ ...hello, call: '1' })
  await api.dropGivenUpCall({ ...hello, call: '2' })
  assert.deepEqual(await list({ owner: 'alice' }), ['other 3'])
  await assert.rejects(api.retryGivenUpCall({ ...hello, call: '3' }), { code: 'not-found' })
})
