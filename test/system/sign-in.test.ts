import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser, fieldsOf } from './browser.ts'
import { createSignInScene, publicUrl } from './sign-in-scene.ts'

const kinds = ['github', 'gitlab'] as const

for (const kind of kinds) {
  test(`${kind}: a person signs in with the account of the forge, and sees the owners of whom they may see something`, async (t) => {
    const scene = await createSignInScene(t, { kind })
    const { forge, signIn, connect } = scene
    forge.people.createUser('alice')
    const own = await forge.createRepository({ owner: 'alice', name: 'own', isPrivate: true })
    const shared = await forge.createRepository({ owner: 'acme', name: 'shared', isPrivate: true })
    const other = await forge.createRepository({ owner: 'initech', name: 'other', isPrivate: true })
    for (const repository of [own, shared, other]) await connect(repository)
    forge.people.setMember('acme', 'boss', 50)
    forge.people.setCollaborator(shared.id, 'alice', 30)

    const { at, page } = await signIn('alice')
    assert.equal(page.url, `${scene.url}/api/v1/me`)
    const me = page.json()
    assert.deepEqual([me.kind, me.login, me.isAdministrator], ['account', 'alice', false])
    assert.deepEqual(me.owners, [
      { slug: 'acme', right: 'write', rightOnAll: null },
      { slug: 'alice', right: 'admin', rightOnAll: 'admin' }
    ])
    assert.deepEqual(
      (me.repositories as { owner: string; right: string }[]).map(({ owner, right }) => [owner, right]),
      [['acme', 'write']]
    )
    assert.deepEqual((await scene.me((await signIn('boss')).at)).owners, [
      { slug: 'acme', right: 'admin', rightOnAll: 'admin' }
    ])
    forge.people.createUser('stranger')
    assert.deepEqual((await scene.me((await signIn('stranger')).at)).owners, [])

    const [session] = at.cookies.filter(({ name }) => name === '__Host-slipway')
    assert.ok(session?.isSecure)
    assert.equal((await scene.browser().get(`${scene.url}/api/v1/me`)).status, 401)
  })

  test(`${kind}: the cookie is for this host, TLS and no script, and the store has only a hash of it and nothing of the forge in the clear`, async (t) => {
    const scene = await createSignInScene(t, { kind })
    scene.forge.people.createUser('alice')
    const at = scene.browser()
    const choice = await at.get(`${scene.url}/auth/${kind}/start`)
    assert.match(choice.text, /Sign in as alice/)
    const redirected = await at.look(`${scene.url}/auth/${kind}/start`)
    const asked = new URL(redirected.headers.get('location') ?? '').searchParams
    assert.equal(asked.get('code_challenge_method'), 'S256')
    assert.ok((asked.get('state') ?? '').length >= 40)
    assert.equal(asked.has('nonce'), kind === 'gitlab')
    const { page } = await scene.signIn('alice', at)
    assert.equal(page.status, 200)
    for (const header of redirected.headers.getSetCookie()) {
      for (const attribute of ['Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/'])
        assert.match(header, new RegExp(attribute))
      assert.doesNotMatch(header, /Domain/i)
    }
    const account = await scene.store.accounts.findByForge(kind, String(scene.forge.people.createUser('alice').id))
    const stored = await scene.store.memberships.credential(account?.id ?? '')
    assert.doesNotMatch(stored?.ciphertext ?? 'ghu_', /ghu_|ghr_|glo-|glr-/)
  })

  test(`${kind}: a sign-in belongs to the browser, the state and the provider that it was begun with, and is good once`, async (t) => {
    const scene = await createSignInScene(t, { kind })
    scene.forge.people.createUser('alice')
    scene.forge.people.createUser('mallory')
    const begin = async () => {
      const at = scene.browser()
      const choice = await at.get(`${scene.url}/auth/${kind}/start`)
      const body = fieldsOf(choice)
      body.set('sign_in_as', 'mallory')
      const answer = await fetch(choice.url.split('?')[0] ?? '', { method: 'POST', body, redirect: 'manual' })
      return { at, back: new URL(answer.headers.get('location') ?? '') }
    }
    const refused = async (at: ReturnType<typeof scene.browser>, back: URL) => {
      const page = await at.look(back.href)
      assert.equal(page.status, 401, page.text)
      assert.equal((await at.get(`${scene.url}/api/v1/me`)).status, 401)
    }
    const changed = (back: URL, change: (query: URLSearchParams) => void) => {
      const copy = new URL(back)
      change(copy.searchParams)
      return copy
    }
    const first = await begin()
    // Somebody else's browser: nobody is signed in as whoever sent them a link.
    await refused(scene.browser(), first.back)
    await refused(
      first.at,
      changed(first.back, (query) => query.delete('state'))
    )
    await refused(
      first.at,
      changed(first.back, (query) => query.set('state', 'guessed'))
    )
    await refused(
      first.at,
      changed(first.back, (query) => query.append('state', 'twice'))
    )
    const page = await first.at.look(first.back.href)
    assert.equal(page.status, 303)
    // Replayed, with the cookie of then.
    const again = await first.at.look(first.back.href)
    assert.equal(again.status, 401)

    // A code of another sign-in was asked for with another word: PKCE.
    const [one, two] = [await begin(), await begin()]
    const mixed = changed(one.back, (query) => query.set('code', two.back.searchParams.get('code') ?? ''))
    await refused(one.at, mixed)
    // Begun too long ago.
    const late = await begin()
    scene.clock.aheadMs = 11 * 60_000
    await refused(late.at, late.back)
  })

  test(`${kind}: who cancels is told so, and a forge that is away is said to be`, async (t) => {
    const scene = await createSignInScene(t, { kind })
    scene.forge.people.createUser('alice')
    const at = scene.browser()
    const choice = await at.get(`${scene.url}/auth/${kind}/start`)
    const cancelled = await at.press(choice, 'nothing', '')
    assert.equal(cancelled.status, 401)
    assert.match(cancelled.text, /cancelled/)
    const next = await at.get(`${scene.url}/auth/${kind}/start`)
    scene.forge.setOutage('rest')
    const away = await at.press(next, 'sign_in_as', 'alice')
    assert.equal(away.status, 503)
    assert.doesNotMatch(away.text, /<script/)
    scene.forge.setOutage('none')
    assert.equal((await scene.signIn('alice', at)).page.status, 200)
  })

  test(`${kind}: a login that was released and registered by a stranger is somebody else, who gets nothing`, async (t) => {
    const scene = await createSignInScene(t, { kind })
    const { forge, signIn, me } = scene
    forge.people.createUser('alice')
    await scene.connect(await forge.createRepository({ owner: 'alice', name: 'own', isPrivate: true }))
    const { at } = await signIn('alice')
    const account = await scene.store.accounts.findByForge(kind, String(forge.people.createUser('alice').id))
    await scene.store.accounts.setAdministrator(account?.id ?? '', true)
    forge.people.rename('alice', 'alice-before')
    forge.people.createUser('alice')
    const stranger = await me((await signIn('alice')).at)
    assert.deepEqual([stranger.login, stranger.isAdministrator, stranger.owners], ['alice', false, []])
    scene.clock.aheadMs = 6 * 60_000
    const renamed = await me(at)
    assert.deepEqual([renamed.login, renamed.isAdministrator], ['alice-before', true])
  })

  test(`${kind}: what somebody may is asked again every few minutes, with a renewed token, and what was taken away is gone`, async (t) => {
    const scene = await createSignInScene(t, { kind })
    const { forge, signIn, me, clock } = scene
    const shared = await forge.createRepository({ owner: 'acme', name: 'shared', isPrivate: true })
    await scene.connect(shared)
    forge.people.setCollaborator(shared.id, 'ada', 20)
    const { at } = await signIn('ada')
    assert.deepEqual((await me(at)).owners, [{ slug: 'acme', right: 'read', rightOnAll: null }])
    forge.people.setCollaborator(shared.id, 'ada', 30)
    assert.deepEqual((await me(at)).owners, [{ slug: 'acme', right: 'read', rightOnAll: null }])
    clock.aheadMs = 6 * 60_000
    assert.deepEqual((await me(at)).owners, [{ slug: 'acme', right: 'write', rightOnAll: null }])
    forge.people.expireTokens('ada')
    forge.people.setCollaborator(shared.id, 'ada', null)
    clock.aheadMs = 12 * 60_000
    assert.deepEqual((await me(at)).owners, [])
  })

  test(`${kind}: with the forge away its last word counts for a while, and then nothing does until it is back`, async (t) => {
    const scene = await createSignInScene(t, { kind })
    const { forge, signIn, me, clock } = scene
    const shared = await forge.createRepository({ owner: 'acme', name: 'shared', isPrivate: true })
    await scene.connect(shared)
    forge.people.setCollaborator(shared.id, 'ada', 20)
    const { at } = await signIn('ada')
    forge.setOutage('rest')
    clock.aheadMs = 20 * 60_000
    assert.deepEqual((await me(at)).owners, [{ slug: 'acme', right: 'read', rightOnAll: null }])
    clock.aheadMs = 61 * 60_000
    const page = await at.get(`${scene.url}/api/v1/me`)
    assert.deepEqual([page.status, page.json().code], [503, 'unavailable'])
    forge.setOutage('none')
    clock.aheadMs = 62 * 60_000
    assert.deepEqual((await me(at)).owners, [{ slug: 'acme', right: 'read', rightOnAll: null }])
  })

  test(`${kind}: who takes the sign-in back at the forge is signed out everywhere with the next question`, async (t) => {
    const scene = await createSignInScene(t, { kind })
    scene.forge.people.createUser('alice')
    const [one, two] = [(await scene.signIn('alice')).at, (await scene.signIn('alice')).at]
    scene.forge.people.revoke('alice')
    assert.equal((await one.get(`${scene.url}/api/v1/me`)).status, 200)
    scene.clock.aheadMs = 6 * 60_000
    assert.equal((await one.get(`${scene.url}/api/v1/me`)).status, 401)
    assert.equal((await two.get(`${scene.url}/api/v1/me`)).status, 401)
  })
}

test('an ID token with another nonce signs nobody in', async (t) => {
  const scene = await createSignInScene(t, { kind: 'gitlab' })
  scene.forge.people.createUser('alice')
  if (scene.forge.kind === 'gitlab') scene.forge.setNonce('of another sign-in')
  const { at, page } = await scene.signIn('alice')
  assert.equal(page.status, 401)
  assert.equal((await at.get(`${scene.url}/api/v1/me`)).status, 401)
  if (scene.forge.kind === 'gitlab') scene.forge.setNonce(null)
  assert.equal((await scene.signIn('alice', at)).page.status, 200)
})

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

test('signing out ends this session, everywhere all of the account', async (t) => {
  const scene = await createSignInScene(t, { kind: 'github' })
  const { signIn, url } = scene
  for (const login of ['alice', 'bob']) scene.forge.people.createUser(login)
  const [here, there, further] = [(await signIn('alice')).at, (await signIn('alice')).at, (await signIn('alice')).at]
  const other = (await signIn('bob')).at
  const statusOf = async (at: typeof here) => (await at.get(`${url}/api/v1/me`)).status
  const taken = here.cookies.filter(({ name }) => name === '__Host-slipway')
  assert.equal((await here.post(`${url}/auth/sign-out`, {})).status, 200)
  assert.equal(here.cookies.length, 0)
  here.cookies.push(...taken)
  assert.deepEqual([await statusOf(here), await statusOf(there)], [401, 200])
  assert.equal((await there.post(`${url}/auth/sign-out-everywhere`, {})).status, 200)
  assert.deepEqual([await statusOf(there), await statusOf(further), await statusOf(other)], [401, 401, 200])
  assert.equal((await scene.browser().post(`${url}/auth/sign-out-everywhere`, {})).status, 401)
})

test('a session that idles, or is too old, is over', async (t) => {
  const scene = await createSignInScene(t, { kind: 'github', limits: { idleMs: 3600_000, longestMs: 3 * 3600_000 } })
  scene.forge.people.createUser('alice')
  const { at } = await scene.signIn('alice')
  const idle = (await scene.signIn('alice')).at
  const statusOf = async (one: typeof at) => (await one.get(`${scene.url}/api/v1/me`)).status
  scene.clock.aheadMs = 50 * 60_000
  assert.equal(await statusOf(at), 200)
  scene.clock.aheadMs = 100 * 60_000
  assert.deepEqual([await statusOf(at), await statusOf(idle)], [200, 401])
  scene.clock.aheadMs = 150 * 60_000
  assert.equal(await statusOf(at), 200)
  scene.clock.aheadMs = 181 * 60_000
  assert.equal(await statusOf(at), 401)
})

test('what changes something by session has to come from our own pages', async (t) => {
  const scene = await createSignInScene(t, { kind: 'github' })
  scene.forge.people.createUser('alice')
  const { at } = await scene.signIn('alice')
  const strangers = [
    null,
    'null',
    'https://alice.slipway.test',
    'https://slipway.test.evil.example',
    'http://slipway.test',
    'https://slipway.test:444',
    scene.real
  ]
  for (const from of strangers) {
    for (const path of ['/auth/sign-out', '/auth/sign-out-everywhere', '/api/v1/admin/claims', '/auth/claim']) {
      const page = await at.post(`${scene.url}${path}`, { token: 'x' }, from)
      assert.deepEqual([page.status, page.json().code], [403, 'forbidden'], `${path} from ${from}`)
    }
  }
  assert.equal((await at.get(`${scene.url}/api/v1/me`)).status, 200)
  // A right origin is no right.
  assert.equal((await at.post(`${scene.url}/api/v1/admin/claims`, {})).json().code, 'forbidden')
})

test('nobody can choose the session that somebody else gets, and what was there before the sign-in is over after it', async (t) => {
  const scene = await createSignInScene(t, { kind: 'github' })
  for (const login of ['alice', 'mallory']) scene.forge.people.createUser(login)
  const mallory = (await scene.signIn('mallory')).at
  const [planted] = mallory.cookies.filter(({ name }) => name === '__Host-slipway')
  const victim = scene.browser()
  victim.cookies.push({ host: 'slipway.test', name: '__Host-slipway', value: planted?.value ?? '', isSecure: true })
  await scene.signIn('alice', victim)
  const [own] = victim.cookies.filter(({ name }) => name === '__Host-slipway')
  assert.notEqual(own?.value, planted?.value)
  assert.equal((await scene.me(victim)).login, 'alice')
  assert.equal((await mallory.get(`${scene.url}/api/v1/me`)).status, 401)
})

test('cookies that are sent twice, under another name, cut short or made up are none', async (t) => {
  const scene = await createSignInScene(t, { kind: 'github' })
  scene.forge.people.createUser('alice')
  const { at } = await scene.signIn('alice')
  const [{ value } = { value: '' }] = at.cookies.filter(({ name }) => name === '__Host-slipway')
  const statusOf = async (cookie: string) => (await fetch(`${scene.real}/api/v1/me`, { headers: { cookie } })).status
  assert.equal(await statusOf(`__Host-slipway=${value}`), 200)
  for (const cookie of [
    `__Host-slipway=${value}; __Host-slipway=${value}`,
    `__Host-slipway=${value}; a=b; __Host-slipway=${'x'.repeat(43)}`,
    `slipway=${value}`,
    `__Host-Slipway=${value}`,
    `__Host-slipway=${value.slice(0, -1)}`,
    `__Host-slipway=a.b.${value}`,
    '__Host-slipway=eyJhbGciOiJub25lIn0.eyJpc0FkbWluaXN0cmF0b3IiOnRydWV9.'
  ]) {
    assert.equal(await statusOf(cookie), 401, cookie)
  }
  assert.equal((await fetch(`${scene.real}/api/v1/me?token=${value}`)).status, 401)
})

test('after a sign-in one goes on within these pages and nowhere else', async (t) => {
  const scene = await createSignInScene(t, { kind: 'github' })
  scene.forge.people.createUser('alice')
  const wanted = async (returnTo: string) => {
    const at = scene.browser()
    const choice = await at.get(`${scene.url}/auth/github/start?return=${encodeURIComponent(returnTo)}`)
    return new URL((await at.press(choice, 'sign_in_as', 'alice')).url)
  }
  assert.equal((await wanted('/alice/hello?tab=log')).href, `${publicUrl}/alice/hello?tab=log`)
  const bad = [
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example/',
    '/\t/evil.example',
    'javascript:alert(1)',
    'evil',
    '/"onmouseover="x',
    '/a\r\nset-cookie: x=y',
    '/auth/github/start',
    '/../auth/github/start',
    ''
  ]
  for (const returnTo of bad) {
    const { origin, pathname } = await wanted(returnTo)
    assert.equal(origin, publicUrl, returnTo)
    assert.ok(!pathname.startsWith('/auth/'), returnTo)
  }
})

test('on this machine plain http will do, by the one name that the forge sends back to, with a cookie of another name', async (t) => {
  const scene = await createSignInScene(t, { kind: 'github', isLocal: true })
  scene.forge.people.createUser('alice')
  const { at, page } = await scene.signIn('alice')
  assert.equal(page.json().login, 'alice')
  assert.deepEqual(
    at.cookies.map(({ name }) => name),
    ['slipway']
  )
  const other = createBrowser()
  const byName = scene.url.replace('127.0.0.1', 'localhost')
  const sent = await other.look(`${byName}/auth/github/start?return=/x`)
  assert.equal(sent.headers.get('location'), `${scene.url}/auth/github/start?return=/x`)
  assert.equal((await at.post(`${scene.url}/auth/sign-out`, {}, 'http://127.0.0.1:1')).status, 403)
  assert.equal((await at.post(`${scene.url}/auth/sign-out`, {})).status, 200)
})

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
