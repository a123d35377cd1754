import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSignInScene } from './sign-in-scene.ts'

test("whoever opens the administrator's link signed in becomes the administrator, once", async (t) => {
  const scene = await createSignInScene(t, { kind: 'github' })
  const { url, signIn, browser, me } = scene
  for (const login of ['alice', 'mallory']) scene.forge.people.createUser(login)
  const first = (await scene.signIn('alice', browser())).at
  const link = new URL((await scene.signIn('alice'), await scene.api.createClaim({})).url)
  assert.equal(link.origin + link.pathname, `${url}/claim`)
  const token = link.hash.slice(1)
  const page = await browser().get(link.href)
  assert.match(page.headers.get('content-security-policy') ?? '', /script-src 'self'/)
  assert.doesNotMatch(page.text, /<script>/)
  const anonymous = await browser().post(`${url}/auth/claim`, { token })
  assert.deepEqual([anonymous.status, anonymous.json().code], [401, 'unauthenticated'])
  assert.equal((await first.post(`${url}/auth/claim`, { token: 'guessed' })).status, 404)
  assert.equal((await scene.api.getSignIn({})).isClaimed, false)

  const opened = await Promise.all([1, 2, 3].map(() => first.post(`${url}/auth/claim`, { token })))
  assert.deepEqual(
    opened.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 404, 404]
  )
  assert.equal((await me(first)).isAdministrator, true)
  assert.equal((await scene.api.getSignIn({})).isClaimed, true)
  const mallory = (await signIn('mallory')).at
  assert.equal((await mallory.post(`${url}/auth/claim`, { token })).status, 404)
  assert.equal((await me(mallory)).isAdministrator, false)

  const late = new URL((await scene.api.createClaim({})).url).hash.slice(1)
  scene.clock.aheadMs = 25 * 3600_000
  assert.equal((await first.post(`${url}/auth/claim`, { token: late })).status, 404)
})

test('the link of the first start ends with the next start, and there is none once it was opened', async (t) => {
  const scene = await createSignInScene(t, { kind: 'github' })
  scene.forge.people.createUser('alice')
  const tokenOf = (link: string | null) => new URL(link ?? 'http://none').hash.slice(1)
  const { claims } = scene.parts
  const earlier = tokenOf(await claims.issueAtStart('account'))
  const current = tokenOf(await claims.issueAtStart('account'))
  const { at } = await scene.signIn('alice')
  assert.equal((await at.post(`${scene.url}/auth/claim`, { token: earlier })).status, 404)
  assert.equal((await at.post(`${scene.url}/auth/claim`, { token: current })).status, 200)
  assert.equal(await claims.issueAtStart('account'), null)
})

test('a link that opens a session signs the administrator in, also where nobody can sign in otherwise', async (t) => {
  const scene = await createSignInScene(t, { kind: 'github', change: () => [] })
  const at = scene.browser()
  const token = new URL((await scene.api.createClaim({ opensSession: true })).url).hash.slice(1)
  assert.equal((await at.post(`${scene.url}/auth/claim`, { token })).status, 200)
  const me = await scene.me(at)
  assert.deepEqual([me.kind, me.isAdministrator, me.login], ['administrator', true, null])
  const plain = new URL((await scene.api.createClaim({})).url).hash.slice(1)
  assert.equal((await scene.browser().post(`${scene.url}/auth/claim`, { token: plain })).status, 200)
  assert.deepEqual((await scene.api.getSignIn({})).providers, [])
  assert.equal((await at.post(`${scene.url}/auth/sign-out-everywhere`, {})).status, 200)
  assert.equal((await at.get(`${scene.url}/api/v1/me`)).status, 401)
})
