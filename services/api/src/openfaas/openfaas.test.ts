import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { imageFolderName } from '@slipway/domain'
import { imageOf, pushOf, seedClaim, seedLive, seedRolledOut, specOf } from '@slipway/testing'
import type { InjectOptions } from 'fastify'
import { commits, createApiForTest, token } from '../api.fixture.ts'
import { stackOfImage } from './image-stack.ts'

const password = (secret: string, user = 'admin') => `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`

async function createOpenFaas(t: TestContext) {
  const made = await createApiForTest(t)
  const { store, app } = made
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  await made.api.putSecret({ owner: 'alice', name: 'db', values: { password: 'x' } })
  const spec = { ...specOf('hello'), environment: { COLOUR: 'blue' }, secrets: ['db'] }
  const push = pushOf(commits.b, { before: commits.a })
  await seedLive(store, push, [{ spec, image: imageOf('hello') }], Date.now())
  const alice = (await store.owners.findBySlug('alice'))?.id ?? ''
  const tokens = new Map<string, string>()
  for (const scope of ['read', 'deploy', 'admin'] as const) {
    const { secret } = await made.api.createToken({ owner: 'alice', name: scope, scope, expiresInDays: 1 })
    tokens.set(scope, secret)
  }
  const authorizationOf = (who: string) => password(tokens.get(who) ?? token)
  async function ask(who: string, method: NonNullable<InjectOptions['method']>, url: string, payload?: object) {
    const res = await app.inject({
      method,
      url,
      headers: { authorization: authorizationOf(who) },
      ...(payload === undefined ? {} : { payload })
    })
    return { status: res.statusCode, body: res.body === '' ? null : res.json<Record<string, unknown>>() }
  }
  /** What a builder would find of a build. */
  async function stackOf(buildId: unknown): Promise<string> {
    const build = await store.builds.get(String(buildId))
    const bytes = await readFile(join(made.directory, 'uploads', build?.commit ?? ''))
    return (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString()
  }
  return { ...made, alice, ask, authorizationOf, stackOf }
}

test('a token is a password of any user, for OpenFaaS alone and never for another page', async (t) => {
  const { app, authorizationOf } = await createOpenFaas(t)
  const answerOf = async (url: string, headers: Record<string, string>) =>
    (await app.inject({ method: 'GET', url, headers })).statusCode
  const authorization = authorizationOf('read')
  assert.equal(await answerOf('/system/functions', { authorization }), 200)
  assert.equal(await answerOf('/system/functions', {}), 401)
  assert.equal(await answerOf('/system/functions', { authorization: password('wrong') }), 401)
  assert.equal(await answerOf('/system/functions', { authorization: password('') }), 401)
  assert.equal(await answerOf('/system/functions', { authorization: 'Basic !' }), 401)
  assert.equal(await answerOf('/system/functions', { authorization, origin: 'https://elsewhere.test' }), 401)
  assert.equal(await answerOf('/api/v1/functions', { authorization }), 401)
})

test('a function is shown as OpenFaaS has it, and only administrators of the owner see its variables', async (t) => {
  const { ask } = await createOpenFaas(t)
  const { status, body } = await ask('admin', 'GET', '/system/function/hello?usage=1')
  assert.equal(status, 200)
  const { name, namespace, replicas, availableReplicas, envVars, secrets } = body ?? {}
  assert.deepEqual(
    { name, namespace, replicas, availableReplicas, envVars, secrets },
    {
      name: 'hello',
      namespace: 'alice',
      replicas: 1,
      availableReplicas: 1,
      envVars: { COLOUR: 'blue' },
      secrets: ['db']
    }
  )
  const seenBy = async (who: string) => Object.keys((await ask(who, 'GET', '/system/function/hello.alice')).body ?? {})
  assert.equal((await seenBy('read')).includes('envVars'), false)
  assert.equal((await seenBy('read')).includes('secrets'), false)
  assert.equal((await seenBy('deploy')).includes('secrets'), true)
  assert.equal((await ask('read', 'GET', '/system/function/none')).status, 404)
  assert.equal((await ask('read', 'GET', '/system/function/hello?namespace=bob')).status, 404)
})

test('lists hold what the token may read, and the administrator names whose function is meant', async (t) => {
  const { ask, store } = await createOpenFaas(t)
  await store.owners.add('bob', 1)
  assert.deepEqual((await ask('read', 'GET', '/system/namespaces')).body, ['alice'])
  assert.deepEqual((await ask('administrator', 'GET', '/system/namespaces')).body, ['alice', 'bob'])
  const names = async (who: string, query = '') => {
    const { body } = await ask(who, 'GET', `/system/functions${query}`)
    return (body as unknown as { name: string }[]).map(({ name }) => name)
  }
  assert.deepEqual(await names('read'), ['hello'])
  assert.deepEqual(await names('administrator'), ['hello'])
  assert.deepEqual(await names('administrator', '?namespace=bob'), [])
  assert.equal((await ask('administrator', 'GET', '/system/function/hello')).status, 400)
  assert.equal((await ask('administrator', 'GET', '/system/function/hello?namespace=alice')).status, 200)
})

test('a deploy queues a build of a stack that holds exactly what was asked for', async (t) => {
  const { ask, stackOf, store } = await createOpenFaas(t)
  const wanted = {
    service: 'figlet',
    image: 'registry.test/figlet:0.1',
    envProcess: 'figlet',
    envVars: { PRICE: '${NOT_A_VARIABLE}', 'ODD"': 'line\nline' },
    labels: { topic: 'words' },
    annotations: {},
    secrets: ['key'],
    limits: { memory: '64Mi' },
    registryAuth: 'ignored'
  }
  assert.equal((await ask('deploy', 'PUT', '/system/functions', wanted)).status, 404)
  const { status, body } = await ask('deploy', 'POST', '/system/functions', wanted)
  assert.equal(status, 202)
  const text = await stackOf(body?.buildId)
  assert.ok(text.includes('"image": "registry.test/figlet:0.1"'))
  assert.ok(text.includes('"PRICE": "$${NOT_A_VARIABLE}"'))
  assert.ok(text.includes('"memory": "64Mi"'))
  assert.ok(!text.includes('annotations'))
  const again = await ask('deploy', 'POST', '/system/functions', { ...wanted, image: 'registry.test/figlet:0.2' })
  assert.equal(again.status, 202)
  assert.equal((await store.builds.get(String(body?.buildId)))?.status, 'superseded')
})

/** What a client of OpenFaaS' API marks its functions with, and reads again. */
const marked = {
  service: 'figlet',
  image: `registry.test/figlet@sha256:${'a'.repeat(64)}`,
  labels: { 'com.slipway.deployment': 'd1', team: 'shop', 'com.openfaas.scale.min': '2' },
  annotations: { note: '${kept}' },
  envVars: { COLOUR: 'blue' },
  secrets: ['db']
}

test('an image is there from the moment that its deployment is taken, and is not when that was given up', async (t) => {
  const { ask, store } = await createOpenFaas(t)
  assert.equal((await ask('deploy', 'GET', '/system/function/figlet')).status, 404)
  const { body: taken } = await ask('deploy', 'POST', '/system/functions', marked)
  const { status, body } = await ask('deploy', 'GET', '/system/function/figlet')
  assert.equal(status, 200)
  const { labels, annotations, image, replicas, availableReplicas, secrets, envVars } = body ?? {}
  assert.deepEqual(
    { labels, annotations, image, secrets },
    {
      labels: marked.labels,
      annotations: marked.annotations,
      image: marked.image,
      secrets: ['db']
    }
  )
  assert.deepEqual([replicas, availableReplicas, envVars], [2, 0, undefined])
  assert.equal((await ask('read', 'GET', '/system/function/figlet')).body?.secrets, undefined)
  assert.equal((await ask('read', 'GET', '/system/function/figlet?namespace=bob')).status, 404)
  const names = async () =>
    ((await ask('read', 'GET', '/system/functions')).body as unknown as { name: string }[]).map(({ name }) => name)
  assert.deepEqual(await names(), ['hello', 'figlet'])
  const scale = { serviceName: 'figlet', replicas: 3 }
  assert.equal((await ask('deploy', 'POST', '/system/scale-function/figlet', scale)).status, 503)
  assert.equal((await ask('deploy', 'PUT', '/system/functions', { ...marked, labels: {} })).status, 202)
  assert.equal((await store.builds.get(String(taken?.buildId)))?.status, 'superseded')

  assert.equal((await ask('deploy', 'DELETE', '/system/functions', { functionName: 'figlet' })).status, 403)
  assert.equal((await ask('admin', 'DELETE', '/system/functions', { functionName: 'figlet' })).status, 202)
  assert.deepEqual((await store.builds.list(null, { status: 'queued' }, { before: null, limit: 10 })).length, 0)
  assert.equal((await ask('admin', 'GET', '/system/function/figlet')).status, 404)
  assert.equal((await ask('admin', 'DELETE', '/system/functions', { functionName: 'figlet' })).status, 404)
  assert.deepEqual(await names(), ['hello'])
  assert.equal((await ask('deploy', 'POST', '/system/functions', marked)).status, 202)
  assert.deepEqual(await names(), ['hello', 'figlet'])
})

test('an image that could not be deployed tells why, in what it shows and in its log, until it is removed', async (t) => {
  const { ask, app, authorizationOf, store } = await createOpenFaas(t)
  const { body } = await ask('deploy', 'POST', '/system/functions', marked)
  const reason = 'the registry has no such image\npush it'
  await seedClaim(store, String(body?.buildId), Date.now())
  await store.builds.finish(
    String(body?.buildId),
    'seed',
    { status: 'failed', reason, code: 'image-missing' },
    Date.now()
  )
  const shown = (await ask('read', 'GET', '/system/function/figlet')).body
  assert.deepEqual(
    [shown?.availableReplicas, shown?.annotations],
    [0, { ...marked.annotations, 'com.slipway.failure': reason, 'com.slipway.failure-code': 'image-missing' }]
  )
  const headers = { authorization: authorizationOf('read') }
  const log = (await app.inject({ url: '/system/logs?name=figlet&follow=true', headers })).body
  const texts = log
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { text: string }).text)
  assert.deepEqual(texts, reason.split('\n'))
  assert.equal((await ask('admin', 'DELETE', '/system/functions', { functionName: 'figlet' })).status, 202)
  assert.equal((await ask('read', 'GET', '/system/function/figlet')).status, 404)
})

test('a live image shows what no policy let through beside what the platform says itself', async (t) => {
  const { ask, store, alice } = await createOpenFaas(t)
  const folder = { ownerId: alice, name: imageFolderName('own'), commit: 'e'.repeat(64), sender: null, message: null }
  const { build } = await store.builds.queueUpload(folder, Date.now())
  const notes = { labels: { team: 'shop' }, annotations: { note: 'kept' } }
  await seedRolledOut(store, build.id, [{ spec: { ...specOf('own'), notes }, image: imageOf('own') }], Date.now())
  const { body } = await ask('read', 'GET', '/system/function/own')
  assert.deepEqual([body?.labels, body?.annotations], [{ team: 'shop' }, { note: 'kept' }])
  assert.equal((await ask('admin', 'DELETE', '/system/functions', { functionName: 'own' })).status, 202)
  assert.equal((await ask('read', 'GET', '/system/function/own')).status, 404)
})

test('what a repository deploys is not replaced, and what is there is updated, not made', async (t) => {
  const { ask, store, alice } = await createOpenFaas(t)
  const taken = await ask('deploy', 'PUT', '/system/functions', { service: 'hello', image: 'registry.test/x:1' })
  assert.deepEqual([taken.status, taken.body?.code], [409, 'conflict'])
  assert.match(String(taken.body?.detail), /belongs to repository alice\//)
  const folder = { ownerId: alice, name: imageFolderName('own'), commit: 'e'.repeat(64), sender: null, message: null }
  const { build } = await store.builds.queueUpload(folder, Date.now())
  await seedRolledOut(store, build.id, [{ spec: specOf('own'), image: imageOf('own') }], Date.now())
  const own = { service: 'own', image: 'registry.test/own:2' }
  const again = await ask('deploy', 'POST', '/system/functions', own)
  assert.deepEqual([again.status, again.body?.code], [409, 'name-taken'])
  assert.equal((await ask('deploy', 'PUT', '/system/functions', own)).status, 202)
  assert.equal((await ask('deploy', 'DELETE', '/system/functions', { functionName: 'own' })).status, 403)
  assert.equal((await ask('admin', 'DELETE', '/system/functions', { functionName: 'own' })).status, 202)
  assert.equal((await ask('admin', 'DELETE', '/system/functions', { functionName: 'own' })).status, 404)
})

test('names and images that cannot be are refused before anything is queued', async (t) => {
  const { ask, store } = await createOpenFaas(t)
  const before = (await store.builds.list(null, {}, { before: null, limit: 100 })).length
  const good = { service: 'figlet', image: 'registry.test/figlet:1' }
  const bad = [
    { service: 'Figlet' },
    { service: '../x' },
    { service: 'a.b' },
    { image: '--help' },
    { image: 'a b' },
    { image: 'Registry/x' },
    { envVars: { A: 1 } },
    { service: '' }
  ]
  for (const part of bad) {
    const { status } = await ask('deploy', 'POST', '/system/functions', { ...good, ...part })
    assert.equal(status === 400 || (status === 202 && 'envVars' in part), true, JSON.stringify(part))
  }
  const after = await store.builds.list(null, {}, { before: null, limit: 100 })
  assert.equal(after.length - before, 1)
})

test('a secret is a set with one key of its name, which is made once and updated afterwards', async (t) => {
  const { ask, store, alice, api } = await createOpenFaas(t)
  const secret = { name: 'api.key', value: 'v' }
  assert.equal((await ask('admin', 'PUT', '/system/secrets', secret)).status, 404)
  assert.equal((await ask('deploy', 'POST', '/system/secrets', secret)).status, 403)
  assert.equal((await ask('admin', 'POST', '/system/secrets', secret)).status, 201)
  assert.equal((await ask('admin', 'POST', '/system/secrets', secret)).status, 409)
  assert.equal((await ask('admin', 'PUT', '/system/secrets', { name: 'api.key', rawValue: 'AAE=' })).status, 202)
  assert.equal((await ask('admin', 'PUT', '/system/secrets', { name: 'api.key', value: '' })).status, 400)
  assert.deepEqual((await store.secrets.get(alice, 'api.key'))?.keys, ['api.key'])
  assert.deepEqual((await ask('deploy', 'GET', '/system/secrets')).body, [
    { name: 'api.key', namespace: 'alice' },
    { name: 'db', namespace: 'alice' }
  ])
  await api.putSecret({ owner: 'alice', name: 'many', values: { a: '1', b: '2' } })
  assert.equal((await ask('admin', 'PUT', '/system/secrets', { name: 'many', value: 'v' })).status, 409)
  assert.equal((await ask('admin', 'DELETE', '/system/secrets', { name: 'api.key' })).status, 202)
  assert.equal((await ask('admin', 'DELETE', '/system/secrets', { name: 'api.key' })).status, 404)
})

test('logs are one JSON object a line, with name, namespace and time', async (t) => {
  const { app, authorizationOf } = await createOpenFaas(t)
  const headers = { authorization: authorizationOf('read') }
  const logs = async (query: string) => (await app.inject({ url: `/system/logs?${query}`, headers })).body
  const line = { name: 'hello', namespace: 'alice', instance: 'one', timestamp: '1970-01-01T00:00:00.000Z' }
  assert.deepEqual(JSON.parse(await logs('name=hello&follow=false&tail=-1')), { ...line, text: 'hello from inside' })
  assert.equal(await logs('name=hello&instance=another'), '')
})

test('owners are namespaces: an administrator makes them, and what cannot be kept is refused', async (t) => {
  const { ask } = await createOpenFaas(t)
  const labels = { openfaas: '1' }
  assert.equal((await ask('admin', 'POST', '/system/namespace/', { name: 'dora', labels })).status, 403)
  assert.equal((await ask('administrator', 'POST', '/system/namespace/', { name: 'dora', labels })).status, 201)
  assert.equal((await ask('administrator', 'POST', '/system/namespace/', { name: 'dora', labels })).status, 409)
  const { body } = await ask('administrator', 'GET', '/system/namespace/dora')
  assert.deepEqual(body, { name: 'dora', labels, annotations: labels })
  assert.equal((await ask('administrator', 'PUT', '/system/namespace/dora', { name: 'dora', labels })).status, 202)
  assert.equal((await ask('administrator', 'PUT', '/system/namespace/dora', { labels: { team: 'x' } })).status, 422)
  assert.equal((await ask('read', 'GET', '/system/namespace/dora')).status, 404)
  assert.equal((await ask('admin', 'DELETE', '/system/namespace/alice')).status, 403)
  assert.equal((await ask('administrator', 'DELETE', '/system/namespace/dora')).status, 202)
  assert.equal((await ask('administrator', 'GET', '/system/namespace/dora')).status, 404)
  assert.equal((await ask('administrator', 'DELETE', '/system/namespace/dora')).status, 404)
})

test('info names the provider and the version in the fields that faas-cli reads', async (t) => {
  const { ask } = await createOpenFaas(t)
  const version = { release: '1.2.3', sha: '1.2.3' }
  const { body } = await ask('read', 'GET', '/system/info')
  assert.deepEqual(body?.provider, { provider: 'slipway', orchestration: 'slipway', version })
  assert.deepEqual(body?.version, version)
})

test('the stack of an image leaves out what was not said', () => {
  const text = stackOfImage({ service: 'a', image: 'x/y', envVars: null, limits: { memory: '', cpu: '' } })
  const stack = JSON.parse(text) as { functions: Record<string, object> }
  assert.deepEqual(stack.functions, { a: { skip_build: true, image: 'x/y' } })
})
