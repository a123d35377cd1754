import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noGrants } from '@slipway/domain'
import { createLogger, createServer } from '@slipway/service'
import { pushOf } from '@slipway/testing'
import { addAccess, under } from './access.ts'
import { commits } from './api.fixture.ts'
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
    limit: async () => {},
    refused: () => {}
  })
  assert.throws(() => app.get('/api/v1/forgotten', () => 'open'), /has no rule/)
  app.get('/api/v1/ruled', under({ action: 'see-public', on: 'public' }), () => 'open')
})

test('lists hold what the caller may see, and nobody sees another owner in them', async (t) => {
  const { ask } = await createPeople(t)
  const builds = async (who: string, query = '') => {
    const { status, body } = await ask(who, 'GET', `/api/v1/builds${query}`)
    return status === 200 ? body.items?.map(({ owner }) => owner) : status
  }
  assert.deepEqual(await builds('rita'), ['alice'])
  assert.deepEqual(await builds('bob'), ['bob'])
  assert.deepEqual(await builds('eve'), [])
  assert.deepEqual(await builds('root'), ['bob', 'alice'])
  assert.deepEqual(await builds('nobody'), 401)
  assert.deepEqual(await builds('bob', '?owner=alice'), 404)
  assert.deepEqual(await builds('rita', '?owner=alice'), ['alice'])
  assert.deepEqual((await ask('rita', 'GET', '/api/v1/audit')).body.items, [])
  assert.equal((await ask('rita', 'GET', '/api/v1/audit?owner=alice')).status, 403)
})

test('pages are public while their repository wants it and is not private', async (t) => {
  const { ask, store, alice } = await createPeople(t)
  const [repository] = await store.repositories.list(alice, { before: null, limit: 1 })
  const id = repository?.id ?? ''
  const page = () => ask('nobody', 'GET', '/api/v1/functions/alice/hello')
  const change = { hasPublicPages: true }
  assert.equal((await ask('wes', 'PATCH', `/api/v1/repositories/${id}`, change)).status, 403)
  assert.equal((await ask('ann', 'PATCH', `/api/v1/repositories/${id}`, change)).status, 200)
  assert.equal((await page()).status, 401, 'it is private')
  const found = { ...pushOf(commits.a).repository, owner: { forgeOwnerId: '1', login: 'alice' } }
  await store.repositories.connect('github', found, 5)
  assert.equal((await page()).status, 200)
  assert.equal((await ask('eve', 'GET', '/api/v1/builds?owner=alice')).body.items?.length, 1)
  assert.deepEqual((await ask('eve', 'GET', '/api/v1/builds')).body.items, [])
  assert.equal((await ask('eve', 'POST', '/api/v1/functions/alice/hello/pause')).status, 403)
  assert.equal((await ask('nobody', 'GET', '/api/v1/deliveries?owner=alice')).status, 401)
  await store.repositories.connect('github', { ...found, isPrivate: true }, 6)
  assert.equal((await page()).status, 401)
})

test('a private badge is shown to whoever may see the function', async (t) => {
  const { ask } = await createPeople(t)
  const badge = async (who: string) => /: (\w+)"/.exec((await ask(who, 'GET', '/badge/alice/hello.svg')).text)?.[1]
  assert.deepEqual(
    [await badge('nobody'), await badge('bob'), await badge('rita'), await badge('root')],
    ['unknown', 'unknown', 'live', 'live']
  )
})
