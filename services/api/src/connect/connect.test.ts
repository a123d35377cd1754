import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApiForTest } from '../api.fixture.ts'
import { healthyForge } from '../internal-forges.fixture.ts'
import { createPeople } from '../people.fixture.ts'

test('connecting begins with an address that holds the state, and stands in the audit log', async (t) => {
  const { api, forges, store } = await createApiForTest(t)
  const begun = await api.connectGitHub({ organization: 'acme' })
  assert.equal(begun.address, 'http://slipway.test/connect/github?state=the-state')
  assert.ok(!('state' in begun))
  assert.deepEqual(forges.asked, [
    {
      organization: 'acme',
      url: null,
      replace: false,
      isPublic: false,
      pagesUrl: 'http://slipway.test',
      by: 'administrator'
    }
  ])
  const [entry] = await store.audit.list(null, { before: null, limit: 1 })
  assert.equal(entry?.action, 'connect-forge')
  assert.ok(!JSON.stringify(entry).includes('the-state'))
})

test('nobody begins to connect without being an administrator', async (t) => {
  const { app } = await createApiForTest(t)
  for (const [method, url] of [
    ['POST', '/api/v1/connect/github'],
    ['GET', '/api/v1/connect/c1'],
    ['GET', '/api/v1/forges'],
    ['POST', '/api/v1/forges/github/webhook-secret/rotation'],
    ['PUT', '/api/v1/forges/github/app-key']
  ] as const) {
    assert.equal((await app.inject({ method, url, ...(method === 'GET' ? {} : { payload: {} }) })).statusCode, 401, url)
  }
})

test('the page posts the manifest to that forge and to nobody else, without a script', async (t) => {
  const { app } = await createApiForTest(t)
  const page = await app.inject({ url: '/connect/github?state=the-state' })
  assert.equal(page.statusCode, 200)
  const policy = String(page.headers['content-security-policy'])
  assert.match(policy, /default-src 'none'/)
  assert.match(policy, /form-action https:\/\/forge\.test;/)
  assert.ok(!policy.includes('script-src') && !policy.includes('unsafe-inline'))
  assert.equal(page.headers['referrer-policy'], 'no-referrer')
  assert.equal(page.headers['cache-control'], 'no-store')
  assert.match(page.body, /<form method="post" action="https:\/\/forge\.test\/settings\/apps\/new\?state=the-state">/)
  assert.match(page.body, /value="{&quot;name&quot;:&quot;&lt;Slipway&gt;&quot;}"/)
  assert.ok(!page.body.includes('<script'))
})

test('an address that is not ours, or not whole, is told in words, escaped', async (t) => {
  const { app } = await createApiForTest(t)
  const wrong = await app.inject({ url: '/connect/github?state=%3Cscript%3E' })
  assert.equal(wrong.statusCode, 404)
  assert.match(wrong.body, /does not belong to an &lt;attempt&gt;/)
  for (const url of [
    '/connect/github',
    '/connect/github/callback?state=the-state',
    '/connect/github?state=a&state=b'
  ]) {
    const page = await app.inject({ url })
    assert.equal(page.statusCode, 400, url)
    assert.match(page.body, /start again with &quot;slipway connect github&quot;/)
  }
})

test('the code is converted and the browser sent on to install the App', async (t) => {
  const { app } = await createApiForTest(t)
  const done = await app.inject({ url: '/connect/github/callback?state=the-state&code=good' })
  assert.equal(done.statusCode, 303)
  assert.equal(done.headers.location, 'https://forge.test/apps/slipway/installations/new')
  const failed = await app.inject({ url: '/connect/github/callback?state=the-state&code=spent' })
  assert.equal(failed.statusCode, 409)
  assert.match(failed.body, /does not know the code/)
})

test('an installation id in the setup address changes nothing: the forge is asked, and not by every stranger', async (t) => {
  const { app, forges } = await createApiForTest(t)
  for (let i = 0; i < 5; i++) {
    const page = await app.inject({ url: '/connect/github/setup?installation_id=666&setup_action=install' })
    assert.equal(page.statusCode, 200)
    assert.match(page.body, /is not believed/)
    assert.ok(!page.body.includes('666'))
  }
  assert.deepEqual(forges.asked, ['installations of github'])
})

test('how pushes of a repository are heard of is told to who reads it, and details of the App to administrators alone', async (t) => {
  const { ask, store, alice, forges } = await createPeople(t)
  const [repository] = await store.repositories.list(alice, { before: null, limit: 1 })
  const path = `/api/v1/repositories/${repository?.id}/health`
  const fault = { what: 'permissions' as const, message: 'initech did not accept', fix: 'its owner accepts them' }
  forges.health = {
    ...healthyForge,
    forgeId: repository?.forgeId ?? '',
    mode: 'polling',
    reason: 'no address',
    problems: [fault]
  }
  const told = await ask('rita', 'GET', path)
  assert.equal(told.status, 200)
  assert.equal(told.body.mode, 'polling')
  assert.equal(told.body.reason, 'no address')
  assert.ok(told.text.includes('permissions') && !told.text.includes('initech'))
  const { receivedAt } = told.body.lastDelivery as { receivedAt: number }
  assert.equal(receivedAt, 1)
  assert.ok((await ask('root', 'GET', path)).text.includes('initech'))
})

test('administrators see the forges with what came last, and give them other keys', async (t) => {
  const { api, forges, store } = await createApiForTest(t)
  assert.equal((await api.listForges({})).items[0]?.lastDelivery, null)
  const event = { kind: 'ping' as const }
  await store.deliveries.record(
    [{ forgeId: 'github', delivery: { deliveryId: 'd', eventName: 'ping', event } }],
    null,
    7
  )
  const [forge] = (await api.listForges({ fresh: true })).items
  assert.deepEqual([forge?.lastDelivery?.eventName, forge?.lastDelivery?.receivedAt], ['ping', 7])
  assert.match((await api.rotateWebhookSecret({ forge: 'github' })).message, /another day/)
  assert.match((await api.replaceAppKey({ forge: 'github', key: 'pem' })).message, /delete the former one/)
  assert.deepEqual(forges.asked, ['webhook secret of github', 'key of github'])
  assert.ok(!JSON.stringify(await store.audit.list(null, { before: null, limit: 9 })).includes('"pem"'))
})
