import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldsOf } from './browser.ts'
import { createSignInScene } from './sign-in-scene.ts'

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
