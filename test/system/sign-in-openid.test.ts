import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSignInScene } from './sign-in-scene.ts'

test('any OpenID provider signs people in, who have no rights but what an administrator gives', async (t) => {
  const scene = await createSignInScene(t, { kind: 'gitlab', isOidc: true })
  scene.forge.people.createUser('alice')
  await scene.connect(await scene.forge.createRepository({ owner: 'alice', name: 'own', isPrivate: true }))
  const { at, page } = await scene.signIn('alice')
  assert.deepEqual([page.json().login, page.json().owners], ['alice', []])
  assert.equal(
    await scene.store.accounts.findByForge('gitlab', String(scene.forge.people.createUser('alice').id)),
    null
  )
  scene.clock.aheadMs = 30 * 60_000
  assert.equal((await scene.me(at)).login, 'alice')
})

test('groups of an OpenID provider have the rights that are configured, and who leaves one loses them', async (t) => {
  const groupRights = 'developers=alice:write; owners=alice:admin; owners=bob:read'
  const scene = await createSignInScene(t, { kind: 'gitlab', isOidc: true, groupRights, limits: { freshMs: 60_000 } })
  const { people } = scene.forge
  for (const owner of ['alice', 'bob']) {
    await scene.connect(await scene.forge.createRepository({ owner, name: 'own', isPrivate: true }))
  }
  people.setMember('developers', 'dora', 30)
  people.setMember('strangers', 'dora', 50)
  people.createUser('eve')
  const { at, page } = await scene.signIn('dora')
  assert.deepEqual(page.json().owners, [{ slug: 'alice', right: 'write', rightOnAll: 'write' }])
  assert.equal((await at.get(`${scene.url}/api/v1/owners/alice/usage`)).status, 200)
  assert.equal((await at.get(`${scene.url}/api/v1/owners/bob/usage`)).status, 404)
  const { at: stranger } = await scene.signIn('eve')
  assert.deepEqual((await scene.me(stranger)).owners, [])

  people.setMember('owners', 'dora', 10)
  people.expireTokens('dora')
  scene.clock.aheadMs = 2 * 60_000
  assert.deepEqual((await scene.me(at)).owners, [
    { slug: 'alice', right: 'admin', rightOnAll: 'admin' },
    { slug: 'bob', right: 'read', rightOnAll: 'read' }
  ])
  people.setMember('owners', 'dora', null)
  people.setMember('developers', 'dora', null)
  scene.clock.aheadMs = 4 * 60_000
  assert.deepEqual((await scene.me(at)).owners, [])
  assert.equal((await at.get(`${scene.url}/api/v1/owners/alice/usage`)).status, 404)
  people.revoke('dora')
  scene.clock.aheadMs = 6 * 60_000
  assert.equal((await at.get(`${scene.url}/api/v1/me`)).status, 401)
})
