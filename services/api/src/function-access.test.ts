import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { imageOf, pushOf, seedLive, specOf } from '@slipway/testing'
import { commits, createApiForTest } from './api.fixture.ts'

async function scene(t: Parameters<typeof createApiForTest>[0]) {
  const made = await createApiForTest(t)
  const [deployment] = await seedLive(
    made.store,
    pushOf(commits.a),
    [{ spec: specOf('hello'), image: imageOf('hello') }],
    1
  )
  return { ...made, of: { owner: 'alice', name: 'hello' }, repositoryId: deployment?.repositoryId ?? '' }
}

test('who may call is set per function, repository and owner, noted in the audit, and told to gateways', async (t) => {
  const { api, of, repositoryId, signals, store } = await scene(t)
  assert.deepEqual(await api.getAccess(of), { access: 'public', source: 'default' })
  await api.setDefaultAccess({ owner: 'alice', access: 'owner' })
  await api.setDefaultAccess({ owner: 'alice', repository: repositoryId, access: 'token' })
  assert.deepEqual(await api.getAccess(of), { access: 'token', source: 'repository' })
  assert.deepEqual(await api.setAccess({ ...of, access: 'public' }), { access: 'public', source: 'function' })
  assert.deepEqual(await api.setAccess({ ...of, access: null }), { access: 'token', source: 'repository' })
  assert.equal(signals.sent.filter((name) => name === 'routes').length, 4)
  const { items } = await api.listAudit({ owner: 'alice' })
  assert.deepEqual(
    items.filter(({ action }) => action === 'set-access').map(({ detail }) => detail),
    [
      { before: 'public', after: null },
      { before: null, after: 'public' },
      { before: null, after: 'token' },
      { before: null, after: 'owner' }
    ]
  )
  assert.equal((await store.functions.routes())[0]?.access, 'token')
})

test('a key is shown once, kept as a hash, listed without it, and revoked', async (t) => {
  const { api, app, store } = await scene(t)
  const { key, about } = await api.createFunctionKey({
    owner: 'alice',
    name: 'the shop',
    function: 'hello',
    expiresInDays: 1
  })
  assert.match(key, /^slf_[\w-]{43}$/)
  assert.deepEqual([about.function, about.isOwn, about.createdBy], ['hello', false, 'administrator'])
  const [known] = await store.functionKeys.known()
  assert.equal(known?.hash, createHash('sha256').update(key).digest('hex'))
  assert.deepEqual((await api.listFunctionKeys({ owner: 'alice' })).items, [about])
  assert.ok(!JSON.stringify(await api.listAudit({})).includes(key.slice(4, 20)))
  const asToken = await app.inject({ url: '/api/v1/owners', headers: { authorization: `Bearer ${key}` } })
  assert.equal(asToken.statusCode, 401, 'it opens functions and nothing else')
  await api.revokeFunctionKey({ owner: 'alice', id: about.id })
  assert.deepEqual(await store.functionKeys.known(), [])
  await assert.rejects(api.revokeFunctionKey({ owner: 'alice', id: about.id }), { code: 'not-found' })
})

test('a key for a function that is not there, or access that is none, is refused', async (t) => {
  const { api, of } = await scene(t)
  await assert.rejects(api.createFunctionKey({ owner: 'alice', name: 'x', function: 'nope' }), { code: 'not-found' })
  await assert.rejects(api.setAccess({ ...of, access: 'everybody' as 'public' }), { code: 'invalid-request' })
  await assert.rejects(api.setAccess({ owner: 'alice', name: 'nope', access: 'token' }), { code: 'not-found' })
  await assert.rejects(api.setDefaultAccess({ owner: 'alice', repository: 'nope', access: 'token' }), {
    code: 'not-found'
  })
})
