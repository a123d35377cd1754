import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageOf, pushOf, seedLive, seedPush, specOf } from '@slipway/testing'
import { commits, createApiForTest, token } from './api.fixture.ts'

const shop = { spec: specOf('hello', { secrets: ['db'] }), image: imageOf('hello') }

test('a secret goes in and only its names come out', async (t) => {
  const { api, app, store } = await createApiForTest(t)
  await seedPush(store, pushOf(commits.a), 0)
  const values = { password: 'hunter2hunter2', 'tls.key': 'a key' }
  const { secret, isChanged, redeploys } = await api.putSecret({ owner: 'alice', name: 'alice-db', values })
  assert.deepEqual([secret.name, secret.origin, secret.keys], ['db', 'api', ['password', 'tls.key']])
  assert.deepEqual([isChanged, redeploys], [true, []])
  await api.putSecret({ owner: 'alice', name: 'bin', values: { 'a.bin': 'AP8=' }, encoding: 'base64' })
  const listed = await api.listSecrets({ owner: 'alice' })
  assert.deepEqual(
    listed.items.map(({ name }) => name),
    ['bin', 'db']
  )
  for (const answer of [
    JSON.stringify(listed),
    JSON.stringify(await store.audit.list(null, { before: null, limit: 10 }))
  ]) {
    assert.ok(!answer.includes('hunter2') && !answer.includes(Buffer.from('hunter2hunter2').toString('base64')))
  }
  assert.deepEqual((await store.audit.list(null, { before: null, limit: 1 }))[0]?.action, 'put-secret')
  const { headers } = await app.inject({ url: '/api/v1/secrets/alice', headers: { authorization: `Bearer ${token}` } })
  assert.equal(headers['cache-control'], 'private, no-store')
  await api.removeSecret({ owner: 'alice', name: 'db' })
  assert.deepEqual(
    (await api.listSecrets({ owner: 'alice' })).items.map(({ name }) => name),
    ['bin']
  )
})

test('a secret that cannot be one is refused, and so is an owner that is not there', async (t) => {
  const { api, store } = await createApiForTest(t)
  await seedPush(store, pushOf(commits.a), 0)
  const put = (name: string, values: Record<string, string>, more = {}) =>
    api.putSecret({ owner: 'alice', name, values, ...more })
  await assert.rejects(put('Db', { a: 'b' }), { code: 'invalid-request', message: /"Db" cannot be the name/ })
  await assert.rejects(put('../x', { a: 'b' }), { code: 'invalid-request' })
  await assert.rejects(put('db', {}), { code: 'invalid-request', message: /no values/ })
  await assert.rejects(put('db', { '../../etc/passwd': 'b' }), { code: 'invalid-request', message: /name of a file/ })
  await assert.rejects(put('db', { a: '***' }, { encoding: 'base64' }), {
    code: 'invalid-request',
    message: /"a" is not base64/
  })
  await assert.rejects(put('db', { a: 'x'.repeat(1_100_000) }), { code: 'limit-exceeded' })
  await assert.rejects(api.putSecret({ owner: 'alic', name: 'db', values: { a: 'b' } }), { code: 'not-found' })
  await assert.rejects(api.listSecrets({ owner: 'bob' }), { code: 'not-found' })
  await assert.rejects(api.removeSecret({ owner: 'alice', name: 'db' }), { code: 'not-found' })
})

test('hostile: owner alex neither sees nor changes what alexellis has, by no way to write it', async (t) => {
  const { api, store } = await createApiForTest(t)
  for (const [i, login] of ['alex', 'alexellis'].entries()) {
    const repository = { ...pushOf(commits.a).repository, fullName: `${login}/shop`, forgeRepositoryId: String(50 + i) }
    await seedPush(
      store,
      pushOf(commits.a, { repository: { ...repository, owner: { forgeOwnerId: String(60 + i), login } } }),
      0
    )
  }
  await api.putSecret({ owner: 'alexellis', name: 'x', values: { a: 'hers' } })
  await api.putSecret({ owner: 'alex', name: 'alexellis-x', values: { a: 'his' } })
  const names = async (owner: string) => (await api.listSecrets({ owner })).items.map(({ name }) => name)
  assert.deepEqual([await names('alex'), await names('alexellis')], [['alexellis-x'], ['x']])
  await assert.rejects(api.removeSecret({ owner: 'alex', name: 'x' }), { code: 'not-found' })
})

test('a changed secret says which builds deploy its functions again, and wakes the dispatcher', async (t) => {
  const { api, store, signals } = await createApiForTest(t)
  await seedPush(store, pushOf(commits.b), 0).then((id) => store.builds.requestCancel(id, 'test', 0))
  await api.putSecret({ owner: 'alice', name: 'db', values: { a: 'one' } })
  const [deployment] = await seedLive(store, pushOf(commits.a), [shop], 1)
  const view = await api.getDeployment({ id: deployment?.id ?? '' })
  assert.deepEqual(
    view.secrets.map(({ name }) => name),
    ['db']
  )
  signals.sent.length = 0
  const { redeploys, secret } = await api.putSecret({ owner: 'alice', name: 'db', values: { a: 'two' } })
  assert.deepEqual([redeploys.length, signals.sent], [1, ['builds']])
  assert.notEqual(secret.versionId, view.secrets[0]?.versionId)
  assert.equal((await api.getBuild({ id: redeploys[0] ?? '' })).trigger, 'configuration')
  await assert.rejects(api.removeSecret({ owner: 'alice', name: 'db' }), { code: 'conflict', message: /alice-hello/ })
})

test('the sealing certificate is public at both addresses, and made when it is asked for first', async (t) => {
  const { app, api } = await createApiForTest(t)
  for (const url of ['/.well-known/slipway/seal.pem', '/dashboard/api/pub-cert.pem']) {
    const answer = await app.inject(url)
    assert.deepEqual([answer.statusCode, answer.body], [200, 'a certificate'])
    assert.match(answer.headers['content-type'] ?? '', /^text\/plain/)
  }
  assert.deepEqual((await api.listSealingKeys({})).items, [
    { fingerprint: 'f1', isCurrent: true, isImported: false, createdAt: 1 }
  ])
  assert.deepEqual((await api.importSealingKeys({ keys: 'pem' })).fingerprints, ['f2'])
  assert.match((await api.rotateEncryptionKey({})).message, /^3 values/)
  assert.match((await api.rotateSealingKey({})).message, /new sealing certificate/)
})
