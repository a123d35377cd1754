import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { openApiValidator } from '@slipway/forge/contract'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import type { LocalForge } from './index.ts'
import { startGitHub, startGitLab } from './local-forge.fixture.ts'

type Json = Record<string, unknown>
const callback = 'http://127.0.0.1:1/auth/callback'
const verifier = 'v'.repeat(43)
const challenge = createHash('sha256').update(verifier).digest('base64url')

const paths = {
  github: { authorize: '/login/oauth/authorize', token: '/login/oauth/access_token' },
  gitlab: { authorize: '/oauth/authorize', token: '/oauth/token' }
}
const starters = [
  { kind: 'github', start: startGitHub },
  { kind: 'gitlab', start: startGitLab }
] as const

async function start(t: TestContext, starter: (typeof starters)[number]) {
  const forge: LocalForge = await starter.start(t)
  forge.setCallbackUrls([callback])
  forge.people.createUser('alice')
  forge.people.createUser('mallory')
  return forge
}

const asked = (forge: LocalForge, change: Record<string, string> = {}) => ({
  client_id: forge.oauthClient.clientId,
  redirect_uri: callback,
  response_type: 'code',
  scope: 'openid profile read_api',
  state: 'the state',
  nonce: 'the nonce',
  code_challenge: challenge,
  code_challenge_method: 'S256',
  ...change
})

/** What pressing the button on the page does. */
async function choose(forge: LocalForge, login: string, change: Record<string, string> = {}): Promise<Response> {
  return fetch(forge.url + paths[forge.kind].authorize, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ ...asked(forge, change), sign_in_as: login })
  })
}

async function codeOf(forge: LocalForge, login: string, change: Record<string, string> = {}): Promise<string> {
  const response = await choose(forge, login, change)
  const back = new URL(response.headers.get('location') ?? '')
  return back.searchParams.get('code') ?? `no code: ${back.href}`
}

async function exchange(forge: LocalForge, fields: Record<string, string>) {
  const { clientId, clientSecret } = forge.oauthClient
  const response = await fetch(forge.url + paths[forge.kind].token, {
    method: 'POST',
    headers: { accept: 'application/json' },
    body: new URLSearchParams({
      client_id: clientId,
      client_secret: clientSecret,
      grant_type: 'authorization_code',
      redirect_uri: callback,
      code_verifier: verifier,
      ...fields
    })
  })
  const answer = (await response.json()) as Record<string, string | undefined>
  return { status: response.status, answer }
}

async function get(forge: LocalForge, token: string, path: string) {
  const response = await fetch(forge.apiUrl + path, { headers: { authorization: `Bearer ${token}` } })
  const answer: unknown = await response.json()
  openApiValidator(forge.kind).checkResponse('GET', path, response.status, answer)
  return { status: response.status, answer }
}

const signIn = async (forge: LocalForge, login: string) =>
  (await exchange(forge, { code: await codeOf(forge, login) })).answer.access_token ?? ''

for (const starter of starters) {
  const { kind } = starter

  test(`${kind}: who signs in chooses an account, and comes back with a code and the state as it was sent`, async (t) => {
    const forge = await start(t, starter)
    const query = new URLSearchParams(asked(forge, { state: '<"&>' })).toString()
    const page = await (await fetch(`${forge.url}${paths[kind].authorize}?${query}`)).text()
    assert.match(page, /value="alice">Sign in as alice/)
    assert.match(page, /value="&lt;&quot;&amp;&gt;"/)
    const response = await choose(forge, 'alice', { state: '<"&>' })
    const back = new URL(response.headers.get('location') ?? '')
    assert.equal(back.origin + back.pathname, callback)
    assert.equal(back.searchParams.get('state'), '<"&>')
    assert.ok((back.searchParams.get('code') ?? '').length > 20)
    const cancelled = new URL((await choose(forge, 'nobody-of-this-name')).headers.get('location') ?? '')
    assert.equal(cancelled.searchParams.get('error'), 'access_denied')
  })

  test(`${kind}: an unknown application and an address that is not exactly registered lead nowhere`, async (t) => {
    const forge = await start(t, starter)
    const wrong: Record<string, string>[] = [
      { client_id: 'another' },
      { redirect_uri: `${callback}/` },
      { redirect_uri: 'http://127.0.0.1:1/auth' },
      { redirect_uri: 'https://evil.example/auth/callback' }
    ]
    for (const change of wrong) {
      const response = await choose(forge, 'alice', change)
      assert.equal(response.status, 400)
      assert.equal(response.headers.get('location'), null)
    }
  })

  test(`${kind}: a code is good once, for its address, with the word that it was asked with and the client's secret`, async (t) => {
    const forge = await start(t, starter)
    const refused = async (fields: Record<string, string>) => {
      const { answer } = await exchange(forge, { code: await codeOf(forge, 'alice'), ...fields })
      assert.equal(answer.access_token, undefined, JSON.stringify(fields))
      assert.ok(answer.error)
    }
    await refused({ code_verifier: 'w'.repeat(43) })
    await refused({ code_verifier: '' })
    await refused({ code_verifier: challenge })
    await refused({ redirect_uri: `${callback}?x=1` })
    await refused({ client_secret: 'guessed' })
    await refused({ code: 'guessed' })
    const plain = new URL(
      (await choose(forge, 'alice', { code_challenge_method: 'plain' })).headers.get('location') ?? ''
    )
    assert.equal(plain.searchParams.get('error'), 'invalid_request')

    const code = await codeOf(forge, 'alice')
    const first = await exchange(forge, { code })
    const token = first.answer.access_token ?? ''
    assert.equal((await get(forge, token, '/user')).status, 200)
    const again = await exchange(forge, { code })
    assert.equal(again.answer.access_token, undefined)
    // Whoever took the code twice, nobody keeps what was given for it.
    assert.equal((await get(forge, token, '/user')).status, 401)
  })

  test(`${kind}: a refresh token gives another pair, once, and nothing else; what is taken back ends everything`, async (t) => {
    const forge = await start(t, starter)
    const { answer: first } = await exchange(forge, { code: await codeOf(forge, 'alice') })
    const renew = (token = '') => exchange(forge, { grant_type: 'refresh_token', refresh_token: token })
    assert.equal((await get(forge, first.refresh_token ?? '', '/user')).status, 401)
    forge.people.expireTokens('alice')
    assert.equal((await get(forge, first.access_token ?? '', '/user')).status, 401)
    const { answer: second } = await renew(first.refresh_token)
    assert.equal((await get(forge, second.access_token ?? '', '/user')).status, 200)
    assert.equal((await renew(first.refresh_token)).answer.access_token, undefined)
    forge.people.revoke('alice')
    assert.equal((await get(forge, second.access_token ?? '', '/user')).status, 401)
    assert.equal((await renew(second.refresh_token)).answer.access_token, undefined)
  })
}

test('github: a person sees installations and repositories by what that person may, and organisations by membership', async (t) => {
  const forge = await startGitHub(t)
  forge.setCallbackUrls([callback])
  const secret = await forge.createRepository({ owner: 'acme', name: 'secret', isPrivate: true })
  const shared = await forge.createRepository({ owner: 'acme', name: 'shared', isPrivate: true })
  await forge.createRepository({ owner: 'acme', name: 'unseen', isPrivate: true })
  forge.people.createUser('stranger')
  forge.people.setMember('acme', 'boss', 50)
  forge.people.setMember('acme', 'ada', 10)
  forge.people.setCollaborator(secret.id, 'ada', 30)
  forge.people.setCollaborator(shared.id, 'ada', 20)
  const installation = forge.installationOf('acme')?.id ?? 0
  const seenBy = async (login: string) => {
    const token = await signIn(forge, login)
    const { answer } = await get(forge, token, '/user/installations')
    const installations = (answer as { installations: { id: number; account: { id: number } }[] }).installations
    const memberships = (await get(forge, token, '/user/memberships/orgs?state=active')).answer as Json[]
    const path = `/user/installations/${installation}/repositories`
    const repositories = (await get(forge, token, path)).answer as {
      repositories?: { id: number; name: string; permissions: Record<string, boolean> }[]
    }
    return {
      installations: installations.map(({ id }) => id),
      roles: memberships.map(({ role }) => role),
      organisations: ((await get(forge, token, '/user/orgs')).answer as Json[]).map(({ login: name }) => name),
      repositories: (repositories.repositories ?? []).map(
        ({ name, permissions }) => `${name} ${permissions.push ? 'push' : 'pull'}`
      ),
      secret: (await get(forge, token, '/repos/acme/secret')).status
    }
  }
  assert.deepEqual(await seenBy('boss'), {
    installations: [installation],
    roles: ['admin'],
    organisations: ['acme'],
    repositories: ['secret push', 'shared push', 'unseen push'],
    secret: 200
  })
  assert.deepEqual(await seenBy('ada'), {
    installations: [installation],
    roles: ['member'],
    organisations: ['acme'],
    repositories: ['secret push', 'shared pull'],
    secret: 200
  })
  const nothing = { installations: [], roles: [], organisations: [], repositories: [], secret: 404 }
  assert.deepEqual(await seenBy('stranger'), nothing)
})

test('gitlab: the ID token and /oauth/userinfo say who it is, signed by the published key, with the nonce that was sent', async (t) => {
  const forge = await start(t, starters[1])
  const { id } = forge.people.createUser('alice')
  const { answer } = await exchange(forge, { code: await codeOf(forge, 'alice') })
  const fetched = async (path: string) => (await (await fetch(forge.url + path)).json()) as Record<string, string>
  const published = await fetched('/.well-known/openid-configuration')
  assert.equal(published.issuer, forge.url)
  const keys = createLocalJWKSet((await fetched('/oauth/discovery/keys')) as unknown as JSONWebKeySet)
  const { payload } = await jwtVerify(answer.id_token ?? '', keys, {
    issuer: forge.url,
    audience: forge.oauthClient.clientId
  })
  assert.equal(payload.sub, String(id))
  assert.equal(payload.nonce, 'the nonce')
  const headers = { authorization: `Bearer ${answer.access_token}` }
  const told = (await (await fetch(published.userinfo_endpoint ?? '', { headers })).json()) as Json
  assert.deepEqual([told.sub, told.nickname], [String(id), 'alice'])
  assert.equal((await fetch(published.userinfo_endpoint ?? '')).status, 401)
})

test('gitlab: groups and projects are listed by the level that a person has, which groups give to what is below them', async (t) => {
  const forge = await startGitLab(t)
  forge.setCallbackUrls([callback])
  const deep = await forge.createRepository({ owner: 'acme/team', name: 'deep', isPrivate: true })
  const other = await forge.createRepository({ owner: 'acme', name: 'other', isPrivate: true })
  forge.people.setMember('acme', 'boss', 50)
  forge.people.setMember('acme/team', 'ada', 30)
  forge.people.setCollaborator(other.id, 'ada', 20)
  const token = await signIn(forge, 'ada')
  const listed = async (who: string, path: string) =>
    ((await get(forge, who, path)).answer as { path_with_namespace?: string; full_path?: string }[]).map(
      (one) => one.path_with_namespace ?? one.full_path
    )
  assert.deepEqual(await listed(token, '/projects?membership=true&min_access_level=20'), [
    'acme/team/deep',
    'acme/other'
  ])
  assert.deepEqual(await listed(token, '/projects?membership=true&min_access_level=30'), ['acme/team/deep'])
  assert.deepEqual(await listed(token, '/groups?min_access_level=20&top_level_only=true'), [])
  const boss = await signIn(forge, 'boss')
  assert.deepEqual(await listed(boss, '/groups?min_access_level=40&top_level_only=true'), ['acme'])
  const { answer } = await get(forge, boss, `/projects/${deep.id}`)
  assert.deepEqual((answer as { permissions: Json }).permissions, {
    project_access: { access_level: 50, notification_level: 3 },
    group_access: { access_level: 50, notification_level: 3 }
  })
  assert.equal((await get(forge, token, `/projects/${other.id}`)).status, 200)
  const stranger = await signIn(forge, forge.people.createUser('stranger').login)
  assert.equal((await get(forge, stranger, `/projects/${other.id}`)).status, 404)
})
