import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noGrants } from '@slipway/domain'
import { createLogger } from '@slipway/service'
import { accountOf, createPeople } from './people.fixture.ts'
import { createTokenUses } from './tokens.ts'

const tokens = '/api/v1/owners/alice/tokens'

test('a token is shown once and stored as a hash', async (t) => {
  const { ask, store, alice } = await createPeople(t)
  const made = await ask('ann', 'POST', tokens, { name: 'ci', scope: 'deploy' })
  assert.equal(made.status, 200)
  const secret = String(made.body.secret)
  assert.match(secret, /^slw_[\w-]{43}$/)
  const listed = await ask('ann', 'GET', tokens)
  assert.deepEqual(listed.body.items?.[0], made.body.token)
  assert.ok(!listed.text.includes(secret))
  const kept = JSON.stringify([
    await store.tokens.list(alice),
    await store.audit.list(null, { before: null, limit: 9 })
  ])
  assert.ok(!kept.includes(secret) && kept.includes('create-token'))
})

test('a token does what its scope says, to one owner', async (t) => {
  const { ask } = await createPeople(t)
  const statuses: Record<string, number[]> = {}
  for (const scope of ['read', 'deploy', 'admin']) {
    const { body } = await ask('ann', 'POST', tokens, { name: scope, scope })
    const secret = String(body.secret)
    statuses[scope] = [
      (await ask(secret, 'GET', '/api/v1/functions/alice/hello')).status,
      (await ask(secret, 'POST', '/api/v1/functions/alice/hello/pause')).status,
      (await ask(secret, 'PATCH', '/api/v1/owners/alice/variables', { use: 'runtime' })).status,
      (await ask(secret, 'GET', '/api/v1/functions/bob/page')).status,
      (await ask(secret, 'POST', '/api/v1/admin/clean-up')).status
    ]
  }
  assert.deepEqual(statuses, {
    read: [200, 403, 403, 404, 403],
    deploy: [200, 200, 403, 404, 403],
    admin: [200, 200, 200, 404, 403]
  })
})

test('nobody makes a token that may do more than they, and no token outlives the one that made it', async (t) => {
  const { ask } = await createPeople(t)
  const make = (who: string, scope: string, expiresInDays = 90) =>
    ask(who, 'POST', tokens, { name: 'x', scope, expiresInDays })
  assert.equal((await make('rita', 'read')).status, 200)
  assert.equal((await make('rita', 'deploy')).status, 403)
  assert.equal((await make('wes', 'deploy')).status, 200)
  assert.equal((await make('wes', 'admin')).status, 403)
  assert.equal((await make('eve', 'read')).status, 404)
  assert.equal((await make('bob', 'read')).status, 404)
  assert.equal((await make('administrator', 'admin')).status, 200)
  assert.equal((await make('ann', 'admin', 367)).status, 400)
  const deploy = await make('ann', 'deploy')
  assert.equal((await make(String(deploy.body.secret), 'read')).status, 403)
  const parent = await make('ann', 'admin', 1)
  const child = await make(String(parent.body.secret), 'admin', 300)
  const expiry = (answer: typeof parent) => (answer.body.token as { expiresAt: number }).expiresAt
  assert.equal(expiry(child), expiry(parent))
  const { id } = parent.body.token as { id: string }
  assert.equal((await ask('ann', 'DELETE', `${tokens}/${id}`)).status, 200)
  assert.equal((await ask(String(child.body.secret), 'GET', tokens)).status, 401)
})

test('a token stops when its maker loses the right, and is worth no more than what is left of it', async (t) => {
  const { ask, people } = await createPeople(t)
  const { body } = await ask('ann', 'POST', tokens, { name: 'x', scope: 'admin' })
  const secret = String(body.secret)
  const pause = () => ask(secret, 'POST', '/api/v1/functions/alice/hello/pause')
  assert.equal((await pause()).status, 200)
  const ann = people.get('ann')
  assert.ok(ann)
  people.set('ann', accountOf('ann', people.get('rita')?.grants ?? noGrants))
  assert.equal((await pause()).status, 403)
  people.set('ann', accountOf('ann', noGrants))
  assert.equal((await pause()).status, 401)
  people.delete('ann')
  assert.equal((await pause()).status, 401)
  people.set('ann', accountOf('ann', noGrants, true))
  assert.equal((await pause()).status, 200, 'who administers the platform may')
})

test('people see and revoke their own tokens, administrators of the owner all', async (t) => {
  const { ask } = await createPeople(t)
  const ids: Record<string, string> = {}
  for (const who of ['rita', 'wes', 'ann']) {
    const { body } = await ask(who, 'POST', tokens, { name: who, scope: 'read' })
    ids[who] = (body.token as { id: string }).id
  }
  const names = async (who: string) => (await ask(who, 'GET', tokens)).body.items?.map(({ name }) => name)
  assert.deepEqual(await names('rita'), ['rita'])
  assert.deepEqual(await names('ann'), ['ann', 'wes', 'rita'])
  assert.equal((await ask('rita', 'DELETE', `${tokens}/${ids.wes}`)).status, 404)
  assert.equal((await ask('wes', 'DELETE', `${tokens}/${ids.wes}`)).status, 200)
  assert.equal((await ask('ann', 'DELETE', `${tokens}/${ids.rita}`)).status, 200)
  assert.deepEqual(await names('ann'), ['ann'])
  assert.equal((await ask('bob', 'DELETE', `/api/v1/owners/bob/tokens/${ids.ann}`)).status, 404)
})

test('when a token was last used is written down together with others, and at the end', async (t) => {
  const { ask, store, alice } = await createPeople(t)
  const { body } = await ask('ann', 'POST', tokens, { name: 'x', scope: 'read' })
  const { id } = body.token as { id: string }
  const uses = createTokenUses(store, () => 77, createLogger('test', 'silent'))
  uses.note(id)
  uses.note(id)
  assert.equal((await store.tokens.list(alice))[0]?.lastUsedAt, null)
  await uses.close()
  assert.equal((await store.tokens.list(alice))[0]?.lastUsedAt, 77)
})

test('a token may ask so often, from wherever it asks', async (t) => {
  const { app, store, alice, ask } = await createPeople(t, { requestsPerMinute: 3 })
  const { body } = await ask('ann', 'POST', tokens, { name: 'x', scope: 'read' })
  const statuses: number[] = []
  for (let i = 1; i <= 4; i++) {
    const headers = { authorization: `Bearer ${String(body.secret)}` }
    const res = await app.inject({ url: tokens, headers, remoteAddress: `10.0.0.${i}` })
    statuses.push(res.statusCode)
  }
  assert.deepEqual(statuses, [403, 403, 403, 429])
  assert.equal((await store.tokens.list(alice)).length, 1)
})
