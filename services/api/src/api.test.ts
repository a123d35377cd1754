import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RouteInput } from '@slipway/client'
import { Failure, pinnedReference } from '@slipway/domain'
import { imageOf, pushOf, seedClaim, seedLive, seedPush, specOf } from '@slipway/testing'
import { ensureToken } from './administrator.ts'
import { commits, createApiForTest, token } from './api.fixture.ts'

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

test('a build is told with its functions and the delivery that made it', async (t) => {
  const { api, store } = await createApiForTest(t)
  const [deployment] = await seedLive(
    store,
    pushOf(commits.a),
    [{ spec: specOf('hello'), image: imageOf('hello') }],
    Date.now()
  )
  const { items } = await api.listBuilds({ owner: 'alice', status: 'live' })
  const build = await api.getBuild({ id: items[0]?.id ?? '' })
  assert.deepEqual([build.repository, build.commit, build.status], ['alice/shop', commits.a, 'live'])
  assert.deepEqual([build.functions[0]?.name, build.functions[0]?.deploymentId], ['hello', deployment?.id])
  const [delivery] = (await api.listDeliveries({})).items
  assert.deepEqual([delivery?.outcome, delivery?.buildId], ['queued', build.id])
})

test('a function says what is live, where, and what was before', async (t) => {
  const { api, store } = await createApiForTest(t)
  const functions = [{ spec: specOf('hello'), image: imageOf('hello') }]
  await seedLive(store, pushOf(commits.a), functions, Date.now())
  await seedLive(store, pushOf(commits.b, { before: commits.a }), functions, Date.now())
  const hello = await api.getFunction({ owner: 'alice', name: 'hello' })
  assert.deepEqual([hello.url, hello.live?.commit], ['http://gateway.test/function/alice-hello', commits.b])
  const { items } = await api.listDeployments({ owner: 'alice', name: 'hello' })
  assert.deepEqual(
    items.map(({ commit, status }) => [commit, status]),
    [
      [commits.b, 'live'],
      [commits.a, 'draining']
    ]
  )
})

test("an owner's builds are kept apart as the administrator says, and the audit knows it", async (t) => {
  const { api, store } = await createApiForTest(t)
  await seedPush(store, pushOf(commits.a), Date.now())
  assert.equal((await api.setBuildIsolation({ owner: 'alice', isolation: 'strict' })).buildIsolation, 'strict')
  assert.equal((await api.listOwners({})).items[0]?.buildIsolation, 'strict')
  assert.equal((await api.setBuildIsolation({ owner: 'alice', isolation: null })).buildIsolation, null)
  const { items } = await api.listAudit({ owner: 'alice' })
  assert.deepEqual(
    items.map(({ action, detail }) => [action, detail]),
    [
      ['set-build-isolation', { before: 'strict', after: null }],
      ['set-build-isolation', { before: null, after: 'strict' }]
    ]
  )
  await assert.rejects(api.setBuildIsolation({ owner: 'nobody', isolation: 'strict' }), { code: 'not-found' })
})

test('a suspended owner is shown with the reason, is refused builds and deploys, and its functions stay', async (t) => {
  const { api, store } = await createApiForTest(t)
  const functions = [{ spec: specOf('hello'), image: imageOf('hello') }]
  await seedLive(store, pushOf(commits.a), functions, Date.now())
  const hello = { owner: 'alice', name: 'hello' }
  const [build] = (await api.listBuilds({})).items
  await assert.rejects(api.setSuspension({ owner: 'alice', isSuspended: true }), { code: 'invalid-request' })
  const owner = await api.setSuspension({ owner: 'alice', isSuspended: true, reason: 'the bill' })
  assert.deepEqual([owner.isListed, owner.suspension?.reason], [true, 'the bill'])
  assert.deepEqual((await api.listOwners({})).items[0]?.suspension, owner.suspension)
  await assert.rejects(api.rebuild({ id: build?.id ?? '' }), { code: 'conflict', message: /the bill/ })
  await assert.rejects(api.redeployFunction(hello), { code: 'conflict', message: /the bill/ })
  const again = await api.setSuspension({ owner: 'alice', isSuspended: true, reason: 'the other bill' })
  assert.equal(again.suspension?.at, owner.suspension?.at)
  assert.equal((await api.getFunction(hello)).live?.commit, commits.a)
  assert.equal((await api.setSuspension({ owner: 'alice', isSuspended: false })).suspension, null)
  assert.equal((await api.rebuild({ id: build?.id ?? '' })).status, 'queued')
  const { items } = await api.listAudit({ owner: 'alice' })
  assert.deepEqual(
    items.filter(({ action }) => /suspend/.test(action)).map(({ action, detail }) => [action, detail]),
    [
      ['unsuspend', { before: 'the other bill', after: null }],
      ['suspend', { before: 'the bill', after: 'the other bill' }],
      ['suspend', { before: null, after: 'the bill' }]
    ]
  )
  await assert.rejects(api.setSuspension({ owner: 'nobody', isSuspended: false }), { code: 'not-found' })
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

test('a waiting build is cancelled at once, a running one is asked to stop', async (t) => {
  const { api, store, signals } = await createApiForTest(t)
  const waiting = await seedPush(store, pushOf(commits.a), Date.now())
  assert.equal((await api.cancelBuild({ id: waiting })).status, 'cancelled')
  await assert.rejects(api.cancelBuild({ id: waiting }), (err) => err instanceof Failure && err.code === 'conflict')
  const running = await seedPush(store, pushOf(commits.b), Date.now())
  await seedClaim(store, running, Date.now())
  assert.equal((await api.cancelBuild({ id: running })).status, 'building')
  assert.ok(signals.sent.includes('cancel'))
  assert.equal((await store.builds.renew(running, 'seed', 1000, Date.now())).isCancelled, true)
})

test('a rebuild queues the same commit again', async (t) => {
  const { api, store } = await createApiForTest(t)
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  const [live] = (await api.listBuilds({})).items
  const again = await api.rebuild({ id: live?.id ?? '', noCache: true })
  assert.deepEqual([again.commit, again.trigger, again.status], [commits.a, 'rebuild', 'queued'])
})

test('a rollback goes to the deployment before, unless another is named, and is in the audit log', async (t) => {
  const { api, store } = await createApiForTest(t)
  const functions = [{ spec: specOf('hello'), image: imageOf('hello') }]
  const [first] = await seedLive(store, pushOf(commits.a), functions, Date.now())
  await assert.rejects(
    api.rollback({ owner: 'alice', name: 'hello' }),
    (err) => err instanceof Failure && err.code === 'conflict'
  )
  await seedLive(store, pushOf(commits.b, { before: commits.a }), functions, Date.now())
  await store.deployments.end(first?.id ?? '', 'ended', null, Date.now())
  const build = await api.rollback({ owner: 'alice', name: 'hello' })
  assert.deepEqual([build.trigger, build.status], ['rollback', 'deploying'])
  const [part] = (await api.getBuild({ id: build.id })).functions
  assert.equal(part?.deploymentId, first?.id)
  const [entry] = await store.audit.list(null, { before: null, limit: 1 })
  assert.deepEqual([entry?.action, entry?.actor, entry?.detail.to], ['rollback', 'administrator', first?.id])
})

test('a deployment of another function cannot be rolled back to', async (t) => {
  const { api, store } = await createApiForTest(t)
  const [hello, other] = await seedLive(
    store,
    pushOf(commits.a),
    [
      { spec: specOf('hello'), image: imageOf('hello') },
      { spec: specOf('other'), image: imageOf('other') }
    ],
    Date.now()
  )
  assert.ok(hello && other)
  await assert.rejects(
    api.rollback({ owner: 'alice', name: 'hello', deploymentId: other.id }),
    (err) => err instanceof Failure && err.code === 'not-found'
  )
})

test('pause, resume, scale and remove do what they say', async (t) => {
  const { api, store, scaled } = await createApiForTest(t)
  const [deployment] = await seedLive(
    store,
    pushOf(commits.a),
    [{ spec: specOf('hello'), image: imageOf('hello') }],
    Date.now()
  )
  const hello = { owner: 'alice', name: 'hello' }
  assert.equal((await api.pauseFunction(hello)).isPaused, true)
  assert.equal((await api.resumeFunction(hello)).function.isPaused, false)
  await api.scaleFunction({ ...hello, replicas: 3 })
  assert.equal((await api.scaleFunction({ ...hello, replicas: 0 })).live?.replicas, 0)
  const { live } = await api.scaleFunction({ ...hello, replicas: null })
  assert.deepEqual([live?.replicas, live?.isScaledByHand], [1, false])
  const id = deployment?.id
  assert.deepEqual(scaled, [
    [id, 3, 'hand'],
    [id, 0, 'hand'],
    [id, 1, 'nobody']
  ])
  await api.removeFunction(hello)
  assert.equal((await api.getFunction(hello)).live, null)
})

test('a rollback to an image that the registry lost is refused before anything is begun', async (t) => {
  const { api, store, gone } = await createApiForTest(t)
  const functions = [{ spec: specOf('hello'), image: imageOf('hello') }]
  const [first] = await seedLive(store, pushOf(commits.a), functions, Date.now())
  await seedLive(store, pushOf(commits.b, { before: commits.a }), functions, Date.now())
  gone.add(pinnedReference(imageOf('hello')))
  await assert.rejects(
    api.rollback({ owner: 'alice', name: 'hello', deploymentId: first?.id ?? '' }),
    (err) => err instanceof Failure && err.code === 'image-missing' && /build a{7,8} again/.test(err.message)
  )
  assert.equal((await api.listBuilds({ status: 'deploying' })).items.length, 0)
})

test('a redeploy is a build without building, and in the audit log', async (t) => {
  const { api, store, signals } = await createApiForTest(t)
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  const build = await api.redeployFunction({ owner: 'alice', name: 'hello' })
  assert.deepEqual([build.trigger, build.status, build.commit], ['redeploy', 'deploying', commits.a])
  assert.ok(signals.sent.includes('builds'))
  const [entry] = await store.audit.list(null, { before: null, limit: 1 })
  assert.deepEqual([entry?.action, entry?.detail.buildId], ['redeploy', build.id])
  await api.removeFunction({ owner: 'alice', name: 'hello' })
  await assert.rejects(
    api.redeployFunction({ owner: 'alice', name: 'hello' }),
    (err) => err instanceof Failure && err.code === 'conflict'
  )
})

test('variables are set by scope, each value says where it comes from, and a change deploys without a build', async (t) => {
  const { api, store } = await createApiForTest(t)
  const spec = specOf('hello', { environment: { A: 'stack', B: 'stack' } })
  await seedLive(store, pushOf(commits.a), [{ spec, image: imageOf('hello') }], Date.now())
  const [repository] = (await api.listRepositories({})).items
  const owner = 'alice'
  const { items, builds } = await api.changeVariables({ owner, use: 'runtime', set: { A: 'owner' } })
  assert.deepEqual([items[0]?.scope, items[0]?.value, builds[0]?.trigger], ['owner', 'owner', 'configuration'])
  await api.changeVariables({ owner, use: 'runtime', repository: repository?.id ?? '', set: { A: 'repository' } })
  await api.changeVariables({ owner, use: 'build', function: 'hello', set: { NODE_VERSION: '24' } })
  const { runtime, build, isLiveOtherwise } = await api.getEnvironment({ owner, name: 'hello' })
  assert.deepEqual(runtime, [
    {
      name: 'A',
      value: 'repository',
      source: 'repository',
      over: [
        { source: 'owner', value: 'owner' },
        { source: 'stack.yml', value: 'stack' }
      ]
    },
    { name: 'B', value: 'stack', source: 'stack.yml', over: [] }
  ])
  assert.deepEqual(
    build.map(({ name, source }) => [name, source]),
    [['NODE_VERSION', 'function']]
  )
  assert.equal(isLiveOtherwise, true, 'the redeploy has not ended')
  assert.equal((await api.listVariables({ owner })).items.length, 3)
  const refused = (code: string) => (err: unknown) => err instanceof Failure && err.code === code
  const both = { owner, use: 'runtime', repository: 'x', function: 'y' } as const
  await assert.rejects(api.changeVariables(both), refused('invalid-request'))
  await assert.rejects(api.changeVariables({ owner, use: 'runtime', set: { 'a b': '' } }), refused('invalid-request'))
  await assert.rejects(api.changeVariables({ owner: 'nobody', use: 'runtime' }), refused('not-found'))
  await assert.rejects(api.changeVariables({ owner, use: 'runtime', function: 'no' }), refused('not-found'))
})

test('a log is read as text from an offset, and followed until the build ends', async (t) => {
  const { api, store, signals, url } = await createApiForTest(t)
  const buildId = await seedPush(store, pushOf(commits.a), Date.now())
  await seedClaim(store, buildId, Date.now())
  const line = (text: string) => ({
    at: Date.now(),
    step: 'build' as const,
    functionName: 'hello',
    stream: 'stdout' as const,
    text
  })
  await store.logs.append(buildId, [line('one'), line('two\nthree')])

  const text = await fetch(`${url}/api/v1/builds/${buildId}/log?after=1`, {
    headers: { authorization: `Bearer ${token}` }
  })
  assert.equal(await text.text(), '[build hello] two\n[build hello] three\n')

  const followed: string[] = []
  const following = (async () => {
    for await (const chunk of api.followLog(buildId, { follow: true })) followed.push(chunk.text)
  })()
  while (followed.length < 2) await sleep(5)
  await store.logs.append(buildId, [line('four')])
  signals.send('log', { buildId })
  await store.builds.finish(buildId, 'seed', { status: 'failed', reason: 'x' }, Date.now())
  await store.logs.append(buildId, [line('a last word')])
  await following
  assert.deepEqual(followed, ['one', 'two\nthree', 'four', 'a last word'])
})

test('what a function prints is passed on', async (t) => {
  const { api, store } = await createApiForTest(t)
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  const lines = await Array.fromAsync(api.runtimeLog('alice', 'hello', { follow: false }))
  assert.deepEqual(
    lines.map(({ text }) => text),
    ['hello from inside']
  )
})

test("a badge tells a public function's state to anybody, and nothing of a private one", async (t) => {
  const { app, store } = await createApiForTest(t)
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  const badge = async (path: string) => (await app.inject(path)).body
  assert.match(await badge('/badge/alice/hello.svg'), /hello: live/)
  assert.match(await badge('/badge/alice/nope.svg'), /nope: unknown/)
  const repository = { ...pushOf(commits.b).repository, isPrivate: true }
  await seedPush(store, pushOf(commits.b, { repository }), Date.now())
  assert.match(await badge('/badge/alice/hello.svg'), /hello: unknown/)
  assert.doesNotMatch(await badge('/badge/alice/%3Cscript%3E.svg'), /<script/)
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

test('the token is made once, readable by its owner alone, and an empty file is refused', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'slipway-token-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  const made = await ensureToken(home)
  assert.match(made, /^slw_.{40,}$/)
  assert.equal(await ensureToken(home), made)
  assert.equal((await stat(join(home, 'admin-token'))).mode & 0o777, 0o600)
  assert.equal((await readFile(join(home, 'admin-token'), 'utf8')).trim(), made)
  await writeFile(join(home, 'admin-token'), '\n')
  const refused = (words: RegExp) => (err: unknown) =>
    err instanceof Failure && err.code === 'invalid-configuration' && words.test(err.message)
  await assert.rejects(ensureToken(home), refused(/holds no token/))
  await writeFile(join(home, 'admin-token'), `${'changeme-'.repeat(4)}\n`)
  await assert.rejects(ensureToken(home), refused(/anybody would guess .* remove the file/))
})

test('a token that is given makes no file, and a guessable one is refused', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'slipway-token-'))
  t.after(() => rm(home, { recursive: true, force: true }))
  const given = `slw_${randomBytes(32).toString('base64url')}`
  assert.equal(await ensureToken(home, given), given)
  await assert.rejects(stat(join(home, 'admin-token')), { code: 'ENOENT' })
  await assert.rejects(ensureToken(home, 'changeme-'.repeat(4)), { message: /anybody would guess .* ADMIN_TOKEN/ })
})

test('a log that is being followed does not keep the service from stopping, and does not pretend to be whole', async (t) => {
  const { app, store, url } = await createApiForTest(t)
  const buildId = await seedPush(store, pushOf(commits.a), Date.now())
  const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream' }
  const response = await fetch(`${url}/api/v1/builds/${buildId}/log?follow=true`, { headers })
  const reading = response.text().catch(() => '')
  const startedAt = Date.now()
  await app.close()
  assert.ok(Date.now() - startedAt < 2000)
  assert.doesNotMatch(await reading, /event: end/)
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

test('automatic deploys are switched off and on; on again, the push that was left out is queued, and both are in the audit log', async (t) => {
  const { api, store, signals } = await createApiForTest(t)
  await seedPush(store, pushOf(commits.a), Date.now())
  const id = (await api.listRepositories({})).items[0]?.id ?? ''
  assert.equal((await api.updateRepository({ id, isAutomatic: false })).isAutomatic, false)
  const left = await seedPush(store, pushOf(commits.b, { before: commits.a }), Date.now())
  const { status, reason } = await api.getBuild({ id: left })
  assert.deepEqual([status, reason], ['skipped', 'automatic deploys are off'])
  assert.equal((await api.listDeliveries({})).items[0]?.outcome, 'skipped')
  const signalled = signals.sent.length
  const changed = await api.updateRepository({ id, isAutomatic: true, policy: 'override' })
  assert.deepEqual([changed.isAutomatic, changed.policy], [true, 'override'])
  assert.deepEqual(signals.sent.slice(signalled), ['builds'])
  const [newest] = (await api.listBuilds({})).items
  assert.deepEqual([newest?.commit, newest?.trigger, newest?.status], [commits.b, 'resume', 'queued'])
  assert.deepEqual(
    (await api.listAudit({ action: 'set-repository' })).items.map(({ detail }) => detail.after),
    [{ isAutomatic: true, policy: 'override' }, { isAutomatic: false }]
  )
})

test('deliveries are those of one repository where one is named, however many others came since', async (t) => {
  const { api, store } = await createApiForTest(t)
  await seedPush(store, pushOf(commits.a), Date.now())
  const { repository } = pushOf(commits.b)
  const other = { ...repository, forgeRepositoryId: '8', name: 'blog', fullName: 'alice/blog' }
  for (const commit of [commits.b, commits.c]) await seedPush(store, pushOf(commit, { repository: other }), Date.now())
  const idOf = async (name: string) =>
    (await api.listRepositories({})).items.find(({ fullName }) => fullName === name)?.id ?? ''
  const commitsOf = async (input: RouteInput<'listDeliveries'>) =>
    (await api.listDeliveries(input)).items.map(({ commit }) => commit)
  const shop = await idOf('alice/shop')
  assert.deepEqual(await commitsOf({ repository: shop, owner: 'alice', limit: 1 }), [commits.a])
  assert.deepEqual(await commitsOf({ repository: await idOf('alice/blog') }), [commits.c, commits.b])
  await assert.rejects(commitsOf({ repository: 'nothing' }), { code: 'not-found' })
  assert.equal((await commitsOf({})).length, 3)
})

test('what becomes of a running build is a setting of the repository, and its change is in the audit log', async (t) => {
  const { api, store } = await createApiForTest(t)
  await seedPush(store, pushOf(commits.a), Date.now())
  const [repository] = (await api.listRepositories({})).items
  assert.equal(repository?.policy, 'wait')
  const changed = await api.updateRepository({ id: repository?.id ?? '', policy: 'override' })
  assert.deepEqual([changed.policy, changed.isAtomic], ['override', true])
  const [entry] = (await api.listAudit({ owner: 'alice' })).items
  assert.deepEqual(
    [entry?.action, entry?.owner, entry?.detail.after],
    ['set-repository', 'alice', { policy: 'override' }]
  )
  await assert.rejects(api.updateRepository({ id: repository?.id ?? '', policy: 'never' as 'wait' }), {
    code: 'invalid-request'
  })
})
