import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noGrants } from '@slipway/domain'
import { createLogger, createServer } from '@slipway/service'
import { addAccess, under } from './access.ts'
import { accountOf, createPeople } from './people.fixture.ts'

test('reading takes the right to read, changing the right to write or to administer', async (t) => {
  const { ask, store, alice } = await createPeople(t)
  const [one] = await store.builds.list(alice, {}, { before: null, limit: 1 })
  const build = `/api/v1/builds/${one?.id}`
  const pause = '/api/v1/functions/alice/hello/pause'
  const variables = '/api/v1/owners/alice/variables'
  for (const [person, seen, paused, changed, cleaned] of [
    ['rita', 200, 403, 403, 403],
    ['wes', 200, 200, 403, 403],
    ['ann', 200, 200, 200, 403],
    ['bob', 404, 404, 404, 403],
    ['nobody', 401, 401, 401, 401]
  ] as const) {
    assert.equal((await ask(person, 'GET', build)).status, seen, person)
    assert.equal((await ask(person, 'GET', `${build}/log`)).status, seen, person)
    assert.equal((await ask(person, 'POST', pause)).status, paused, person)
    assert.equal((await ask(person, 'PATCH', variables, { use: 'runtime' })).status, changed, person)
    assert.equal((await ask(person, 'POST', '/api/v1/admin/clean-up')).status, cleaned, person)
  }
})

test('what may not be seen answers in the same words as what is not there', async (t) => {
  const { ask: askAs, store, alice } = await createPeople(t)
  const [build] = await store.builds.list(alice, {}, { before: null, limit: 1 })
  const ask = async (url: string) => (await askAs('bob', 'GET', url)).body
  const hidden = await ask(`/api/v1/builds/${build?.id}`)
  const missing = await ask('/api/v1/builds/none')
  assert.deepEqual(hidden, { ...missing, detail: missing.detail?.replace('none', build?.id ?? '') })
  assert.deepEqual((await ask('/api/v1/functions/alice/hello')).detail, 'there is no function hello of alice')
})

test('a wrong token is refused even beside a session that would do', async (t) => {
  const { app } = await createPeople(t)
  const headers = { 'x-test-person': 'ann', authorization: `Bearer slw_${'x'.repeat(43)}` }
  assert.equal((await app.inject({ url: '/api/v1/functions/alice/hello', headers })).statusCode, 401)
})

test('a route without a rule is not registered', () => {
  const app = createServer({ logger: createLogger('test', 'silent') })
  addAccess(app, {
    identify: async () => accountOf('ann', noGrants),
    findResource: async () => ({ resource: null, missing: '' }),
    limit: async () => {}
  })
  assert.throws(() => app.get('/api/v1/forgotten', () => 'open'), /has no rule/)
  app.get('/api/v1/ruled', under({ action: 'see-public', on: 'public' }), () => 'open')
})
