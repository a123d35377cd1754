import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from './browser.ts'
import { createSignInScene, publicUrl } from './sign-in-scene.ts'

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
