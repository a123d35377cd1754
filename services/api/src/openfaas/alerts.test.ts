import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { imageOf, pushOf, seedLive, specOf } from '@slipway/testing'
import { commits, createApiForTest, token } from '../api.fixture.ts'

const labels = { 'com.openfaas.scale.factor': '25' }
const firing = (...names: string[]) => alertsOf('firing', names)
const resolved = (...names: string[]) => alertsOf('resolved', names)
const alertsOf = (status: string, names: string[]) =>
  names.map((name) => ({ status, labels: { alertname: 'APIHighInvocationRate', function_name: name } }))

/** Live functions of alice, and who sends alerts about them. */
async function createGround(t: TestContext, names: string[], spec: Partial<Parameters<typeof specOf>[1]> = {}) {
  const made = await createApiForTest(t)
  const functions = names.map((name) => ({
    spec: specOf(name, { labels, replicas: { min: 1, max: 10 }, ...spec }),
    image: imageOf(name)
  }))
  await seedLive(made.store, pushOf(commits.a), functions, Date.now())
  const secretOf = async (scope: 'read' | 'deploy') =>
    (await made.api.createToken({ owner: 'alice', name: scope, scope, expiresInDays: 1 })).secret
  const secrets = new Map([
    ['administrator', token],
    ['reader', await secretOf('read')],
    ['deployer', await secretOf('deploy')]
  ])
  /** As Alertmanager sends them, with more than is read. */
  async function send(who: string, alerts: object[]) {
    const res = await made.app.inject({
      method: 'POST',
      url: '/system/alert',
      headers: { authorization: `Basic ${Buffer.from(`alerts:${secrets.get(who)}`).toString('base64')}` },
      payload: { version: '4', receiver: 'scale-up', status: 'firing', groupLabels: {}, externalURL: 'x', alerts }
    })
    const { functions: taken = [] } = res.json<{ functions?: Record<string, unknown>[] }>()
    return { status: res.statusCode, functions: taken.map(({ name, replicas, reason }) => [name, replicas, reason]) }
  }
  return { ...made, send }
}

test('an alert that fires adds replicas step by step, and one that is over gives them back', async (t) => {
  const { send, scaled } = await createGround(t, ['hello'])
  for (const replicas of [4, 7, 10]) {
    assert.deepEqual(await send('deployer', firing('hello.alice')), {
      status: 200,
      functions: [['hello', replicas, null]]
    })
  }
  assert.deepEqual((await send('administrator', firing('hello.alice'))).functions, [['hello', 10, null]])
  assert.deepEqual((await send('deployer', resolved('hello'))).functions, [['hello', 1, null]], "the token's own owner")
  assert.deepEqual(
    scaled.map(([, replicas, by]) => [replicas, by]),
    [
      [4, 'alert'],
      [7, 'alert'],
      [10, 'alert'],
      [1, 'alert']
    ]
  )
})

test('several alerts of one function are one step, and it stays up while one of them fires', async (t) => {
  const { send, scaled } = await createGround(t, ['hello', 'other'])
  const alerts = [...firing('hello.alice', 'other.alice', 'hello.alice'), ...resolved('hello.alice')]
  assert.deepEqual((await send('deployer', alerts)).functions, [
    ['hello', 4, null],
    ['other', 4, null]
  ])
  assert.equal(scaled.length, 2)
})

test('who may not deploy a function does not scale it by an alert either, nor anything else with it', async (t) => {
  const { send, scaled } = await createGround(t, ['hello', 'other'])
  assert.equal((await send('reader', firing('hello.alice'))).status, 403)
  assert.equal((await send('nobody', firing('hello.alice'))).status, 401)
  assert.equal((await send('reader', [...firing('none.alice'), ...firing('other.alice')])).status, 403)
  assert.deepEqual(scaled, [])
})

test('functions that are not there, and alerts of nothing of ours, are passed over', async (t) => {
  const { send, scaled } = await createGround(t, ['hello'])
  const alerts = [...firing('none.alice', 'hello.bob', 'a.b.c', '../x'), { status: 'firing', labels: { job: 'node' } }]
  const { status, functions } = await send('deployer', alerts)
  assert.equal(status, 200)
  assert.deepEqual(
    new Set(functions.map(([, replicas, reason]) => `${String(replicas)} ${String(reason)}`)),
    new Set(['null no such function is live'])
  )
  assert.equal((await send('deployer', [{ status: 'firing' }])).status, 400)
  assert.equal((await send('deployer', firing(...Array.from({ length: 501 }, () => 'hello.alice')))).status, 400)
  assert.deepEqual(scaled, [])
})

test('what somebody chose, what load scales and what an owner may not have is left as it is, and told', async (t) => {
  const { send, api, store } = await createGround(t, ['hello'])
  const reasonOf = async () => (await send('deployer', firing('hello.alice'))).functions
  const alice = (await store.owners.findBySlug('alice'))?.id ?? ''
  await store.limits.set(alice, { 'replicas-per-function': 3 })
  const [[, replicas, reason] = []] = await reasonOf()
  assert.deepEqual([replicas, /more than alice may have of one function: 3/.test(String(reason))], [1, true])
  await api.scaleFunction({ owner: 'alice', name: 'hello', replicas: 2 })
  assert.deepEqual(await reasonOf(), [['hello', 2, 'somebody chose its replicas']])
})

test('load and alerts do not work against each other: a function with a target is scaled by load alone', async (t) => {
  const { send } = await createGround(t, ['hello'], { labels: { 'com.openfaas.scale.target': '10' } })
  assert.deepEqual((await send('deployer', firing('hello.alice'))).functions, [['hello', 1, 'it is scaled by load']])
})
