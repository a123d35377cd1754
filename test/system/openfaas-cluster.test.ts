import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { waitFor } from '@slipway/machine'
import { communityEdition, type OpenFaasServer, startOpenFaas } from '@slipway/testing'
import { createContainerRuntime } from './openfaas-containers.ts'
import { call, callAllTheTime, createScene, type Scene, saying, stackOf, type TestRepository } from './scene.ts'

const authorization = `Basic ${Buffer.from('admin:of openfaas').toString('base64')}`
const opened = new AsyncDisposableStack()
let openFaas: OpenFaasServer
let scene: Scene
/** Of alice, whose `hello` both of the first tests look at. */
let repository: TestRepository

before(async () => {
  const runtime = createContainerRuntime()
  opened.defer(() => runtime.close())
  openFaas = await startOpenFaas({ runtime, edition: communityEdition, authorization })
  // Functions go first: their images are removed with the installation.
  const functions = new AsyncDisposableStack()
  functions.defer(() => openFaas.close())
  scene = await createScene({
    CLUSTER: 'openfaas',
    OPENFAAS_URL: openFaas.url.href,
    OPENFAAS_PASSWORD: 'of openfaas'
  }).catch(async (err: unknown) => {
    await functions.disposeAsync()
    throw err
  })
  opened.defer(() => scene.close())
  opened.use(functions)
})
after(() => opened.disposeAsync())

async function namesThere(): Promise<string[]> {
  const answer = await fetch(new URL('/system/functions', openFaas.url), { headers: { authorization } })
  return ((await answer.json()) as { name: string }[]).map(({ name }) => name)
}

test('a push becomes a function of an OpenFaaS gateway, and the next one takes its place without a dropped call', async (t) => {
  repository = await scene.repository({ owner: 'alice' })
  const first = await repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('version 1') })
  const build = await repository.ended(first)
  assert.deepEqual([build.status, build.reason], ['live', null])
  const [name = '', ...others] = await namesThere()
  assert.match(name, /^alice-hello-[0-9a-f]{12}$/)
  assert.deepEqual(others, [])
  assert.equal((await call(scene, '/function/alice-hello')).body, 'version 1')
  assert.equal((await call(scene, '/hello/x?y=1', { host: 'alice.localhost' })).body, 'version 1')

  const client = callAllTheTime(scene, '/function/alice-hello')
  t.after(() => client.stop())
  const second = await repository.push({ 'hello/handler.js': saying('version 2') })
  assert.equal((await repository.ended(second)).status, 'live')
  assert.equal((await call(scene, '/function/alice-hello')).body, 'version 2')
  await waitFor(async () => !(await namesThere()).includes(name), {
    timeoutMs: 60_000,
    what: 'the former to be removed'
  })
  assert.deepEqual((await client.stop()).failed, [])
})

test('a version that ends as it starts is refused with what it printed, and the former one serves on', async () => {
  // OpenFaaS does not tell that a function ends as it starts: as long as it may take is waited.
  const hasty = ['annotations:', '  com.openfaas.ready.http.failureThreshold: "1"']
  const broken = await repository.push({
    'stack.yml': stackOf({ hello: { more: hasty } }),
    'hello/handler.js': "console.error('there is no such database')\nprocess.exit(3)\n"
  })
  const refused = await repository.ended(broken)
  assert.equal(refused.status, 'failed')
  assert.match(refused.reason ?? '', /did not become ready within 8 s.*no such database/s)
  assert.equal((await call(scene, '/function/alice-hello')).body, 'version 2')
  assert.equal((await namesThere()).length, 1)
})

test('a function that nobody calls is not there at all, and a call brings it back', async () => {
  const repository = await scene.repository({ owner: 'sleepy' })
  const zero = ['labels:', '  com.openfaas.scale.zero: true', '  com.openfaas.scale.zero-duration: 1s']
  const commit = await repository.push({
    'stack.yml': stackOf({ hello: { more: zero } }),
    'hello/handler.js': saying('awake')
  })
  assert.equal((await repository.ended(commit)).status, 'live')
  const asleep = async () => !(await namesThere()).some((name) => name.startsWith('sleepy-hello'))
  await waitFor(asleep, { timeoutMs: 60_000, what: 'the function to go' })
  const { status, body } = await call(scene, '/function/sleepy-hello')
  assert.deepEqual([status, body], [200, 'awake'])
})
