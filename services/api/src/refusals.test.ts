import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { AuditEntry } from '@slipway/domain'
import { createLogger } from '@slipway/service'
import { token } from './api.fixture.ts'
import { createPeople } from './people.fixture.ts'
import { createRefusals, type Refusal, resourceName } from './refusals.ts'

type Entry = Omit<AuditEntry, 'id'>

function createForTest() {
  const entries: Entry[] = []
  let at = 0
  const made = () =>
    createRefusals({
      audit: { append: async (entry) => void entries.push(entry) },
      now: () => at,
      logger: createLogger('test', 'silent')
    })
  return { entries, made, wait: (ms: number) => (at += ms) }
}

const one: Refusal = {
  actor: 'account eve (github)',
  address: '192.0.2.1',
  action: 'deploy',
  status: 404,
  ownerId: 'alice',
  resource: 'function/alice-hello'
}

test('the same refusal is one entry with a number, from when to when, and its addresses', async () => {
  const { entries, made, wait } = createForTest()
  const refusals = made()
  refusals.note(one)
  wait(5)
  refusals.note({ ...one, address: '192.0.2.2' })
  refusals.note({ ...one, action: 'remove' })
  await refusals.close()
  const detail = { action: 'deploy', status: 404, count: 2, until: 5, addresses: ['192.0.2.1', '192.0.2.2'] }
  const entry = { at: 0, actor: one.actor, action: 'refused', ownerId: 'alice', resource: one.resource, detail }
  assert.deepEqual(entries[0], entry)
  assert.deepEqual(
    entries.map((each) => each.detail.action),
    ['deploy', 'remove']
  )
})

test('strangers are one entry an address, whatever they try', async () => {
  const { entries, made } = createForTest()
  const refusals = made()
  for (const action of ['deploy', 'remove', 'build'] as const) refusals.note({ ...one, actor: null, action })
  await refusals.close()
  assert.deepEqual(
    entries.map(({ actor, detail }) => [actor, detail.count]),
    [['nobody', 3]]
  )
})

test('however many strangers there are, the log grows by a bounded number of entries and none is uncounted', async () => {
  const { entries, made } = createForTest()
  const refusals = made()
  for (let i = 0; i < 20_000; i++) refusals.note({ ...one, actor: null, address: `stranger ${i}` })
  refusals.note(one)
  await refusals.close()
  const strangers = entries.filter(({ actor }) => actor === 'nobody')
  assert.equal(strangers.length, 101)
  assert.equal(
    strangers.reduce((sum, { detail }) => sum + Number(detail.count), 0),
    20_000
  )
  assert.equal(entries.filter(({ actor }) => actor === one.actor).length, 1, 'strangers took no room from actors')
})

test('an actor who tries many things has twenty of them in the log, and a number of the others', async () => {
  const { entries, made } = createForTest()
  const refusals = made()
  for (let i = 0; i < 50; i++) refusals.note({ ...one, resource: `build/${i}` })
  await refusals.close()
  assert.equal(entries.filter(({ actor }) => actor === one.actor).length, 20)
  assert.deepEqual([entries.at(-1)?.actor, entries.at(-1)?.detail], ['several', { count: 30 }])
})

test('a store that fails fails nobody', async () => {
  const refusals = createRefusals({
    audit: { append: () => Promise.reject(new Error('the disk is full')) },
    now: () => 0,
    logger: createLogger('test', 'silent')
  })
  refusals.note(one)
  await refusals.close()
})

test('a resource is named as changes of it are', () => {
  assert.equal(resourceName('build', 'a', { id: '1' }), 'build/1')
  assert.equal(resourceName('function', 'a', { owner: 'alice', name: 'hello' }), 'function/alice-hello')
  assert.equal(resourceName('scope', 'a', { owner: 'alice', repository: 'r' }), 'repository/r')
  assert.equal(resourceName('scope', 'a', { owner: 'alice' }), 'owner/a')
  assert.equal(resourceName('owner', 'a', { owner: 'alice' }), 'owner/a')
  assert.equal(resourceName('platform', null, {}), 'installation')
  assert.equal(resourceName('build', null, { id: 'x'.repeat(5000) }).length, 106)
})

/** What the audit log says of refusals once the service has closed. */
async function refusedIn(t: TestContext, work: (made: Awaited<ReturnType<typeof createPeople>>) => Promise<void>) {
  const made = await createPeople(t)
  const entries: Entry[] = []
  const { append } = made.store.audit
  made.store.audit.append = async (entry) => {
    if (entry.action === 'refused') entries.push(entry)
    return append(entry)
  }
  await work(made)
  await made.app.close()
  return entries.map(({ actor, ownerId, resource, detail: { action, status, count } }) => {
    return [actor, ownerId === made.alice ? 'alice' : ownerId, resource, action, status, count]
  })
}

test('403, a hidden 404 and a wrong token are in the audit log; what is missing, and who merely is not signed in, are not', async (t) => {
  const entries = await refusedIn(t, async ({ ask, app, url }) => {
    const remove = (who: string, name: string) => ask(who, 'DELETE', `/api/v1/functions/alice/${name}`)
    assert.equal((await remove('wes', 'hello')).status, 403)
    assert.equal((await remove('wes', 'hello')).status, 403)
    assert.equal((await remove('bob', 'hello')).status, 404)
    assert.equal((await remove('bob', 'missing')).status, 404)
    assert.equal((await remove('nobody', 'hello')).status, 401)
    assert.equal((await ask('eve', 'POST', '/api/v1/admin/clean-up')).status, 403)
    assert.equal((await ask(`slw_${'x'.repeat(43)}`, 'GET', '/api/v1/owners')).status, 401)
    assert.equal((await ask('administrator', 'GET', '/api/v1/builds/none')).status, 404)
    const claim = { method: 'POST', url: '/auth/claim', payload: { token: 'x' }, headers: { origin: url } } as const
    assert.equal((await app.inject(claim)).statusCode, 404)
  })
  assert.deepEqual(entries, [
    ['account wes (github)', 'alice', 'function/alice-hello', 'remove', 403, 2],
    ['account bob (github)', 'alice', 'function/alice-hello', 'remove', 404, 1],
    ['account eve (github)', null, 'installation', 'administer', 403, 1],
    ['nobody', null, 'installation', 'see-owner', 401, 2]
  ])
})

test('who refuses a handler what its rule allows is in the audit log, too', async (t) => {
  const entries = await refusedIn(t, async ({ ask }) => {
    const wanted = { name: 'x', scope: 'admin' }
    assert.equal((await ask('rita', 'POST', '/api/v1/owners/alice/tokens', wanted)).status, 403)
  })
  assert.deepEqual(
    entries.map(([actor, , , action]) => [actor, action]),
    [['account rita (github)', 'set-tokens']]
  )
})

test('no account and no token looks like another actor in the audit log', async (t) => {
  const { ask, people, store, app } = await createPeople(t)
  const ann = people.get('ann')
  assert.ok(ann?.kind === 'account')
  people.set('liar', { ...ann, name: 'administrator' })
  const pause = '/api/v1/functions/alice/hello/pause'
  await ask('liar', 'POST', pause)
  people.set(ann.accountId, { ...ann, name: 'administrator' })
  const made = { name: 'x" of administrator', scope: 'deploy' }
  const { body } = await ask('liar', 'POST', '/api/v1/owners/alice/tokens', made)
  await ask(String(body.secret), 'POST', pause)
  await app.inject({ method: 'POST', url: pause, headers: { authorization: `Bearer ${token}` } })
  const entries = await store.audit.list(null, { before: null, limit: 10 })
  assert.deepEqual(
    entries.filter(({ action }) => action === 'pause').map(({ actor }) => actor),
    [
      'administrator',
      'token "x\\" of administrator" of account administrator (github)',
      'account administrator (github)'
    ]
  )
})
