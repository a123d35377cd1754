import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { pushOf, seedPush } from '@slipway/testing'
import { createApiForTest, token } from './api.fixture.ts'

test('every route but the public ones refuses without the token', async (t) => {
  const { app } = await createApiForTest(t)
  const document = (await app.inject('/api/v1/openapi.json')).json()
  const paths = Object.entries(document.paths as Record<string, Record<string, unknown>>)
  assert.ok(paths.length > 15)
  for (const [path, methods] of paths) {
    for (const method of Object.keys(methods)) {
      const isOpen =
        /^\/(?:badge\/|auth\/|claim$|terminal$|healthz$|readyz$|api\/v1\/sign-in(?:\/terminal)?$)|\.pem$/.test(path)
      if (isOpen) continue
      const url = path.replaceAll(/\{[a-z]+\}/gi, 'x')
      for (const authorization of ['', 'Bearer wrong', `Basic ${token}`, `bearer  ${token}`]) {
        const res = await app.inject({
          method: method.toUpperCase() as 'GET',
          url,
          headers: { authorization },
          payload: {}
        })
        assert.deepEqual([res.statusCode, res.json().code], [401, 'unauthenticated'], `${method} ${path}`)
      }
    }
  }
})

test('a token counts in its header alone, not in an address, a cookie or a body, which are written down and sent along', async (t) => {
  const { app } = await createApiForTest(t)
  const query = new URLSearchParams({ token, access_token: token, authorization: `Bearer ${token}` })
  const ways = [
    { method: 'GET', url: `/api/v1/me?${query.toString()}` },
    { method: 'GET', url: `/api/v1/me?private_token=${token}` },
    {
      method: 'GET',
      url: '/api/v1/me',
      headers: { cookie: `__Host-slipway=${token}; slipway=${token}; token=${token}` }
    },
    { method: 'POST', url: '/api/v1/owners', payload: { slug: 'mine', token, access_token: token } }
  ] as const
  for (const way of ways) assert.equal((await app.inject(way)).statusCode, 401, way.url)
  const headers = { authorization: `Bearer ${token}` }
  assert.equal((await app.inject({ url: '/api/v1/me', headers })).statusCode, 200)
})

test('the document describes every route of the contract', async (t) => {
  const { app } = await createApiForTest(t)
  const document = (await app.inject('/api/v1/openapi.json')).json()
  assert.equal(document.openapi, '3.1.0')
  const operations = Object.values(document.paths as Record<string, Record<string, { operationId?: string }>>).flatMap(
    (path) => Object.values(path).map(({ operationId }) => operationId)
  )
  for (const name of ['listBuilds', 'getBuild', 'getBuildLog', 'rollback', 'listDeliveries', 'getBadge'])
    assert.ok(operations.includes(name), name)
})

test('lists go on page by page', async (t) => {
  const { api, store } = await createApiForTest(t)
  for (const character of 'abcde') await seedPush(store, pushOf(character.repeat(40)), Date.now())
  const seen: string[] = []
  let before: string | undefined
  do {
    const page = await api.listBuilds({ limit: 2, ...(before === undefined ? {} : { before }) })
    seen.push(...page.items.map(({ commit }) => commit[0] ?? ''))
    before = page.next ?? undefined
  } while (before !== undefined)
  assert.deepEqual(seen, ['e', 'd', 'c', 'b', 'a'])
})

test('what is not there answers 404 as problem JSON, what is malformed 400', async (t) => {
  const { api, app } = await createApiForTest(t)
  await assert.rejects(api.getBuild({ id: 'nope' }), (err) => err instanceof Failure && err.code === 'not-found')
  await assert.rejects(
    api.getFunction({ owner: 'nobody', name: 'x' }),
    (err) => err instanceof Failure && err.code === 'not-found'
  )
  const headers = { authorization: `Bearer ${token}` }
  const res = await app.inject({ url: '/api/v1/builds?limit=1000000', headers })
  assert.deepEqual(
    [res.statusCode, res.headers['content-type'], res.json().code],
    [400, 'application/problem+json; charset=utf-8', 'invalid-request']
  )
  assert.equal((await app.inject({ url: '/api/x/../v1/builds', headers: {} })).statusCode, 401)
  assert.equal((await app.inject({ url: '/nothing', headers })).statusCode, 404)
})

test('too many requests of one address answer 429', async (t) => {
  const { app } = await createApiForTest(t, { requestsPerMinute: 2 })
  const ask = () => app.inject('/badge/a/b.svg')
  await ask()
  await ask()
  const res = await ask()
  assert.deepEqual([res.statusCode, res.json().code], [429, 'too-many-requests'])
})

test('behind a trusted proxy each caller has its own address, and nobody takes another one by saying so', async (t) => {
  const { app } = await createApiForTest(t, { requestsPerMinute: 1, trustedProxies: ['10.0.0.0/8'] })
  const ask = async (remoteAddress: string, told: string) => {
    const res = await app.inject({ url: '/badge/a/b.svg', remoteAddress, headers: { 'x-forwarded-for': told } })
    return res.statusCode === 429
  }
  assert.equal(await ask('10.0.0.1', '198.51.100.1'), false)
  assert.equal(await ask('10.0.0.1', '198.51.100.1'), true)
  assert.equal(await ask('10.0.0.1', '198.51.100.2'), false)
  assert.equal(
    await ask('10.0.0.1', '198.51.100.3, 198.51.100.2'),
    true,
    'what the caller itself said counts for nothing'
  )
  assert.equal(await ask('192.0.2.1', '198.51.100.4'), false)
  assert.equal(await ask('192.0.2.1', '198.51.100.5'), true, 'who is no proxy is not believed')
})

test('what runs without the store knowing it is shown as unknown', async (t) => {
  const { api } = await createApiForTest(t)
  const { items } = await api.listRunning({})
  assert.deepEqual(items, [
    {
      deploymentId: 'nobody-knows',
      name: 'alice-lost',
      owner: 'alice',
      replicas: 1,
      availableReplicas: 1,
      status: 'unknown',
      createdAt: 5
    }
  ])
})
