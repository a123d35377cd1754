import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Grants, noGrants, type Right } from '@slipway/domain'
import { createLogger, createServer } from '@slipway/service'
import { imageOf, pushOf, seedLive, specOf } from '@slipway/testing'
import { addAccess, under } from './access.ts'
import { commits, createApiForTest } from './api.fixture.ts'
import type { Caller } from './identify.ts'

const account = (name: string, grants: Grants): Caller => ({
  kind: 'account',
  name,
  accountId: name,
  isAdministrator: false,
  grants
})

/** People of alice by right, and bob who administers another owner. Their sessions are named by a header. */
async function createPeople(t: Parameters<typeof createApiForTest>[0]) {
  const people = new Map<string, Caller>()
  const made = await createApiForTest(t, {
    findSession: async (request) => people.get(String(request.headers['x-test-person'])) ?? null
  })
  const repository = { ...pushOf(commits.a).repository, isPrivate: true }
  await seedLive(made.store, pushOf(commits.a, { repository }), [{ spec: specOf('hello'), image: imageOf('hello') }], 1)
  const owner = await made.store.owners.findBySlug('alice')
  const of = (right: Right): Grants => ({ ...noGrants, owners: new Map([[owner?.id ?? '', right]]) })
  people.set('rita', account('rita', of('read')))
  people.set('wes', account('wes', of('write')))
  people.set('ann', account('ann', of('admin')))
  people.set('bob', account('bob', { ...noGrants, owners: new Map([['another', 'admin']]) }))
  const [build] = await made.store.builds.list(null, {}, { before: null, limit: 1 })
  async function ask(person: string, method: 'GET' | 'POST' | 'PATCH', url: string, payload: object = {}) {
    const res = await made.app.inject({
      method,
      url,
      headers: { 'x-test-person': person },
      ...(method === 'GET' ? {} : { payload })
    })
    return res.statusCode
  }
  return { ...made, ask, buildId: build?.id ?? '' }
}

test('reading takes the right to read, changing the right to write or to administer', async (t) => {
  const { ask, buildId } = await createPeople(t)
  const build = `/api/v1/builds/${buildId}`
  const pause = '/api/v1/functions/alice/hello/pause'
  const variables = '/api/v1/owners/alice/variables'
  for (const [person, seen, paused, changed, cleaned] of [
    ['rita', 200, 403, 403, 403],
    ['wes', 200, 200, 403, 403],
    ['ann', 200, 200, 200, 403],
    ['bob', 404, 404, 404, 403],
    ['nobody', 401, 401, 401, 401]
  ] as const) {
    assert.equal(await ask(person, 'GET', build), seen, person)
    assert.equal(await ask(person, 'GET', `${build}/log`), seen, person)
    assert.equal(await ask(person, 'POST', pause), paused, person)
    assert.equal(await ask(person, 'PATCH', variables, { use: 'runtime' }), changed, person)
    assert.equal(await ask(person, 'POST', '/api/v1/admin/clean-up'), cleaned, person)
  }
})

test('what may not be seen answers in the same words as what is not there', async (t) => {
  const { app, buildId } = await createPeople(t)
  const ask = async (url: string) =>
    (await app.inject({ url, headers: { 'x-test-person': 'bob' } })).json() as { detail: string; code: string }
  const hidden = await ask(`/api/v1/builds/${buildId}`)
  const missing = await ask('/api/v1/builds/none')
  assert.deepEqual(hidden, { ...missing, detail: missing.detail.replace('none', buildId) })
  assert.deepEqual((await ask('/api/v1/functions/alice/hello')).detail, 'there is no function hello of alice')
})

test('a wrong token is refused even beside a session that would do', async (t) => {
  const { app, buildId } = await createPeople(t)
  const headers = { 'x-test-person': 'ann', authorization: `Bearer slw_${'x'.repeat(43)}` }
  assert.equal((await app.inject({ url: `/api/v1/builds/${buildId}`, headers })).statusCode, 401)
})

test('a route without a rule is not registered', () => {
  const app = createServer({ logger: createLogger('test', 'silent') })
  addAccess(app, {
    identify: async () => account('ann', noGrants),
    findResource: async () => ({ resource: null, missing: '' })
  })
  assert.throws(() => app.get('/api/v1/forgotten', () => 'open'), /has no rule/)
  app.get('/api/v1/ruled', under({ action: 'see-public', on: 'public' }), () => 'open')
})
