import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { imageOf, pushOf, seedLive, specOf } from '@slipway/testing'
import type { InjectOptions } from 'fastify'
import Type, { type TProperties, type TSchema } from 'typebox'
import Value from 'typebox/value'
import { commits, createApiForTest } from '../api.fixture.ts'

/*
 * What an OpenFaaS gateway asks of its provider (`functions_provider_url`), and reads of the answers: the routes of faas-provider's
 * `serve.go` and its types, https://github.com/openfaas/faas-provider, by every field that they have and no other.
 */

const exactly = <T extends TProperties>(properties: T) => Type.Object(properties, { additionalProperties: false })
const Words = Type.Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]))
const Names = Type.Optional(Type.Union([Type.Array(Type.String()), Type.Null()]))
const Text = Type.Optional(Type.String())
const Count = Type.Optional(Type.Integer({ minimum: 0 }))
const Resources = Type.Optional(Type.Union([exactly({ memory: Text, cpu: Text }), Type.Null()]))
/** As Go's `time.Time` is read. */
const Time = Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)$' })

const FunctionStatus = exactly({
  name: Type.String(),
  image: Type.String(),
  namespace: Text,
  envProcess: Text,
  envVars: Words,
  constraints: Names,
  secrets: Names,
  labels: Words,
  annotations: Words,
  limits: Resources,
  requests: Resources,
  readOnlyRootFilesystem: Type.Optional(Type.Boolean()),
  invocationCount: Type.Optional(Type.Number()),
  replicas: Count,
  availableReplicas: Count,
  createdAt: Type.Optional(Time)
})
const ProviderInfo = exactly({
  provider: Type.String(),
  version: exactly({ commit_message: Text, sha: Type.String(), release: Type.String() }),
  orchestration: Type.String()
})
const FunctionNamespace = exactly({ name: Type.String(), annotations: Words, labels: Words })
const Secret = exactly({ name: Type.String(), namespace: Text, value: Text, rawValue: Text })
const Message = exactly({
  name: Type.String(),
  namespace: Type.String(),
  instance: Type.String(),
  timestamp: Time,
  text: Type.String()
})

/** A gateway with one credential for all that it asks. */
async function createProvider(t: TestContext) {
  const { app, api, store } = await createApiForTest(t)
  await seedLive(store, pushOf(commits.a), [{ spec: specOf('hello'), image: imageOf('hello') }], Date.now())
  const { secret } = await api.createToken({ owner: 'alice', name: 'gateway', scope: 'admin', expiresInDays: 1 })
  const authorization = `Basic ${Buffer.from(`faas-provider:${secret}`).toString('base64')}`
  async function ask(method: NonNullable<InjectOptions['method']>, url: string, payload?: object) {
    const headers = { authorization, 'x-forwarded-host': 'gateway.test:8080', 'x-forwarded-for': '10.0.0.9' }
    const answer = await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) })
    return { status: answer.statusCode, type: String(answer.headers['content-type']), text: answer.body }
  }
  async function read(url: string, schema: TSchema): Promise<unknown> {
    const { status, type, text } = await ask('GET', url)
    assert.deepEqual([status, type.split(';')[0]], [200, 'application/json'], url)
    const value: unknown = JSON.parse(text)
    assert.ok(Value.Check(schema, value), `${url}: ${JSON.stringify([...Value.Errors(schema, value)])}`)
    return value
  }
  return { app, ask, read }
}

const image = 'registry.test/figlet:1'

test('an OpenFaaS gateway reads functions, namespaces, secrets and what answers, in the types of faas-provider', async (t) => {
  const { ask, read } = await createProvider(t)
  const one = (await read('/system/function/hello?namespace=alice&usage=1', FunctionStatus)) as object
  for (const query of ['', '?namespace=', '?namespace=alice']) {
    assert.deepEqual(await read(`/system/functions${query}`, Type.Array(FunctionStatus)), [one])
    assert.deepEqual(await read(`/system/function/hello${query}`, FunctionStatus), one)
  }
  assert.deepEqual(await read('/system/info', ProviderInfo), {
    provider: 'slipway',
    orchestration: 'slipway',
    version: { release: '1.2.3', sha: '1.2.3' }
  })
  assert.deepEqual(await read('/system/namespaces', Type.Array(Type.String())), ['alice'])
  await read('/system/namespace/alice', FunctionNamespace)
  assert.equal(
    (await ask('POST', '/system/secrets', { name: 'key', namespace: 'alice', rawValue: 'AAE=' })).status,
    201
  )
  assert.deepEqual(await read('/system/secrets?namespace=', Type.Array(Secret)), [{ name: 'key', namespace: 'alice' }])
  assert.equal((await ask('GET', '/system/function/none?namespace=alice')).status, 404)
})

test('an OpenFaaS gateway deploys, updates, scales and removes, in bodies and status codes of faas-provider', async (t) => {
  const { ask, read } = await createProvider(t)
  const wanted = { service: 'figlet', image, namespace: 'alice', envVars: { A: 'b' }, labels: { team: 'x' } }
  assert.equal((await ask('PUT', '/system/functions', wanted)).status, 404, 'faas-cli then asks to make it')
  assert.equal((await ask('POST', '/system/functions', wanted)).status, 202)
  assert.equal((await ask('PUT', '/system/functions', { ...wanted, constraints: null, limits: null })).status, 202)
  const deployed = (await read('/system/function/figlet?namespace=alice', FunctionStatus)) as Record<string, unknown>
  assert.deepEqual([deployed.availableReplicas, deployed.labels], [0, { team: 'x' }])
  const scale = { serviceName: 'hello', replicas: 2, namespace: 'alice' }
  assert.equal((await ask('POST', '/system/scale-function/hello?namespace=alice', scale)).status, 202)
  const removed = { functionName: 'figlet', namespace: 'alice' }
  assert.equal((await ask('DELETE', '/system/functions?namespace=alice', removed)).status, 202)
  assert.equal((await ask('DELETE', '/system/functions?namespace=alice', removed)).status, 404)
  assert.equal((await ask('DELETE', '/system/functions', { functionName: 'hello' })).status, 202)
})

test('an OpenFaaS gateway asks for a log with all that it could say, empty, and reads messages of faas-provider', async (t) => {
  const { ask } = await createProvider(t)
  for (const query of [
    'name=hello&namespace=&instance=&since=&tail=&follow=',
    'name=hello&namespace=alice&tail=0&follow=1',
    'name=hello&follow=false&tail=-100&since=1969-12-31T00:00:00Z'
  ]) {
    const { status, type, text } = await ask('GET', `/system/logs?${query}`)
    assert.deepEqual([status, type], [200, 'application/x-ndjson'], query)
    const messages = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { text: string })
    assert.ok(
      messages.every((message) => Value.Check(Message, message)),
      text
    )
    assert.deepEqual(
      messages.map((message) => message.text),
      ['hello from inside']
    )
  }
})

test('an OpenFaaS gateway hears whether its provider lives without a password, and nothing else', async (t) => {
  const { app } = await createProvider(t)
  for (const method of ['GET', 'HEAD'] as const) {
    assert.equal((await app.inject({ method, url: '/healthz' })).statusCode, 200)
  }
  for (const url of ['/system/functions', '/system/info', '/system/namespaces', '/system/logs?name=hello']) {
    assert.equal((await app.inject({ url })).statusCode, 401, url)
  }
})
