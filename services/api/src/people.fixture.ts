import type { TestContext } from 'node:test'
import { type Grants, noGrants, type Right, type Store } from '@slipway/domain'
import { imageOf, pushOf, seedLive, specOf } from '@slipway/testing'
import type { InjectOptions } from 'fastify'
import { commits, createApiForTest, token } from './api.fixture.ts'
import type { Caller } from './identify.ts'

export function accountOf(name: string, grants: Grants, isAdministrator = false): Caller {
  return { kind: 'account', name, accountId: name, forgeId: 'github', isAdministrator, grants }
}

export interface Answer {
  status: number
  body: Record<string, unknown> & { items?: Record<string, unknown>[]; code?: string; detail?: string }
  text: string
}

async function idOf(store: Store, slug: string): Promise<string> {
  return (await store.owners.findBySlug(slug))?.id ?? ''
}

/**
 * People by what they may with the owner alice, whose repository is private: rita reads, wes writes, ann administers;
 * bob administers another owner, eve has nothing, root administers the platform. `people` may be changed meanwhile.
 */
export async function createPeople(t: TestContext, options: { requestsPerMinute?: number } = {}) {
  const people = new Map<string, Caller>()
  const made = await createApiForTest(t, {
    ...options,
    findSession: async (request) => people.get(String(request.headers['x-test-person'])) ?? null,
    findAccount: async (id) => people.get(id) ?? null
  })
  const repository = { ...pushOf(commits.a).repository, isPrivate: true }
  await seedLive(made.store, pushOf(commits.a, { repository }), [{ spec: specOf('hello'), image: imageOf('hello') }], 1)
  const bobs = {
    ...repository,
    forgeRepositoryId: '8',
    name: 'blog',
    fullName: 'bob/blog',
    owner: { forgeOwnerId: '2', login: 'bob' }
  }
  await seedLive(
    made.store,
    pushOf(commits.b, { repository: bobs }),
    [{ spec: specOf('page'), image: imageOf('page') }],
    2
  )
  const alice = await idOf(made.store, 'alice')
  const on = (ownerId: string, right: Right): Grants => ({ ...noGrants, owners: new Map([[ownerId, right]]) })
  for (const [name, right] of [
    ['rita', 'read'],
    ['wes', 'write'],
    ['ann', 'admin']
  ] as const) {
    people.set(name, accountOf(name, on(alice, right)))
  }
  people.set('bob', accountOf('bob', on(await idOf(made.store, 'bob'), 'admin')))
  people.set('eve', accountOf('eve', noGrants))
  people.set('root', accountOf('root', noGrants, true))

  /** Asks as a person, as the holder of a token (it begins with `slw_`), or as nobody. */
  async function ask(who: string, method: InjectOptions['method'], url: string, payload?: object): Promise<Answer> {
    const authorization = who === 'administrator' ? `Bearer ${token}` : `Bearer ${who}`
    const isToken = who === 'administrator' || who.startsWith('slw_')
    const res = await made.app.inject({
      method: method ?? 'GET',
      url,
      headers: isToken ? { authorization } : { 'x-test-person': who },
      ...(payload === undefined ? {} : { payload })
    })
    const isJson = String(res.headers['content-type']).includes('json')
    return { status: res.statusCode, body: isJson ? res.json() : {}, text: res.body }
  }
  return { ...made, people, alice, ask }
}
