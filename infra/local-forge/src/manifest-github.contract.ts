import assert from 'node:assert/strict'
import { createSign } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { appPermissions, manifestOf } from '@slipway/forge'
import { openApiValidator } from '@slipway/forge/contract'
import type { GitHubLocalForge } from './index.ts'
import { startGitHub, startReceiver } from './local-forge.fixture.ts'

type Json = Record<string, unknown>
const published = openApiValidator('github')

const manifest = (hookUrl: string | null, more: Json = {}) => ({
  ...manifestOf({
    name: 'Slipway of Acme',
    homepage: 'http://slipway.test',
    hookUrl,
    redirectUrl: 'http://slipway.test/callback',
    setupUrl: 'http://slipway.test/setup',
    callbackUrls: [],
    isPublic: false
  }),
  ...more
})

const post = (url: string, fields: Record<string, string>) =>
  fetch(url, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' })

/** What a browser does: the form of the page that came, sent on. */
async function register(forge: GitHubLocalForge, text: string, path = '/settings/apps/new') {
  const page = await post(`${forge.url}${path}?state=the-state`, { manifest: text })
  const markup = await page.text()
  assert.equal(page.status, 200, markup)
  assert.match(markup, /Create App/)
  const organization = /organizations\/([^/]+)/.exec(path)?.[1] ?? ''
  const done = await post(`${forge.url}/settings/apps`, {
    manifest: text,
    name: 'Slipway',
    state: 'the-state',
    organization
  })
  assert.equal(done.status, 302)
  const address = new URL(done.headers.get('location') ?? '')
  return { address, code: address.searchParams.get('code') ?? '' }
}

async function convert(forge: GitHubLocalForge, code: string) {
  const path = `/app-manifests/${code}/conversions`
  const response = await fetch(forge.apiUrl + path, { method: 'POST' })
  const answer = (await response.json()) as Json
  published.checkResponse('POST', path, response.status, answer)
  return { status: response.status, answer }
}

async function asApp(forge: GitHubLocalForge, key: string, method: string, path: string, body?: Json) {
  const seconds = Math.floor(Date.now() / 1000)
  const part = (value: Json) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iat: seconds - 30, exp: seconds + 300, iss: forge.app.id })}`
  const jwt = `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`
  const response = await fetch(forge.apiUrl + path, {
    method,
    headers: { authorization: `Bearer ${jwt}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  const answer = (await response.json()) as Json
  published.checkResponse(method, path, response.status, answer)
  return { status: response.status, answer }
}

async function registered(t: TestContext) {
  const receiver = await startReceiver(t)
  const forge = await startGitHub(t)
  const { code } = await register(forge, JSON.stringify(manifest(receiver.url)))
  const { answer } = await convert(forge, code)
  return { forge, receiver, code, answer, pem: String(answer.pem) }
}

test('a manifest becomes an App whose code opens it once', async (t) => {
  const { forge, code, answer } = await registered(t)
  assert.deepEqual([answer.id, answer.slug], [forge.app.id, 'slipway'])
  assert.match(String(answer.pem), /BEGIN RSA PRIVATE KEY/)
  assert.equal((answer.owner as Json).login, forge.developer.login)
  assert.deepEqual(answer.permissions, appPermissions)
  assert.equal(answer.client_secret, forge.oauthClient.clientSecret)
  assert.equal((await convert(forge, code)).status, 404)
  assert.equal((await convert(forge, 'nonsense')).status, 404)
})

test('the state comes back with the code, and an organisation owns the App that is made below it', async (t) => {
  const forge = await startGitHub(t)
  const { address, code } = await register(
    forge,
    JSON.stringify(manifest(null)),
    '/organizations/acme/settings/apps/new'
  )
  assert.equal(address.origin + address.pathname, 'http://slipway.test/callback')
  assert.equal(address.searchParams.get('state'), 'the-state')
  assert.deepEqual(((await convert(forge, code)).answer.owner as Json).type, 'Organization')
})

test('a manifest that GitHub would refuse is refused', async (t) => {
  const forge = await startGitHub(t)
  const refused: [string, RegExp][] = [
    ['no json', /not JSON/],
    ['{}', /url/],
    [JSON.stringify(manifest(null, { default_events: ['installation'] })), /unsupported: installation/],
    [
      JSON.stringify(manifest(null, { default_permissions: { metadata: 'read' } })),
      /not supported by permissions: push/
    ],
    [JSON.stringify(manifest(null, { name: 'x'.repeat(35) })), /name/]
  ]
  for (const [text, message] of refused) {
    const page = await post(`${forge.url}/settings/apps/new`, { manifest: text })
    assert.equal(page.status, 422, text)
    assert.match(await page.text(), message)
  }
})

test('a code that is older than an hour opens nothing', async (t) => {
  let time = Date.now()
  const forge = await startGitHub(t, { now: () => time })
  const { code } = await register(forge, JSON.stringify(manifest(null)))
  time += 3_600_000
  assert.equal((await convert(forge, code)).status, 404)
})

test('installing it tells the App and leads to the setup address', async (t) => {
  const { forge, receiver } = await registered(t)
  const { id } = await forge.createRepository({
    owner: forge.developer.login,
    name: 'hello',
    isPrivate: false,
    isInstalled: false
  })
  await forge.createRepository({ owner: forge.developer.login, name: 'other', isPrivate: false, isInstalled: false })
  await forge.createRepository({ owner: 'stranger', name: 'x', isPrivate: false, isInstalled: false })
  const page = await (await fetch(`${forge.url}/apps/slipway/installations/new?state=s`)).text()
  assert.match(page, /hello/)
  assert.ok(!page.includes('stranger'), 'a private App is for its owner')
  const account = forge.developer.login
  const fields = { account, selection: 'selected', repository: String(id), state: 's' }
  const done = await post(`${forge.url}/apps/slipway/installations`, fields)
  const address = new URL(done.headers.get('location') ?? '')
  const installation = forge.installationOf(account)
  assert.equal(address.searchParams.get('installation_id'), String(installation?.id))
  assert.deepEqual([address.pathname, address.searchParams.get('setup_action')], ['/setup', 'install'])
  await forge.settled()
  const [told] = receiver.received
  assert.equal(told?.headers['x-github-event'], 'installation')
  assert.deepEqual(
    ((told?.json.repositories ?? []) as Json[]).map(({ name }) => name),
    ['hello']
  )
  const other = await post(`${forge.url}/apps/slipway/installations`, { account: 'stranger', selection: 'all' })
  assert.equal(other.status, 404)
  assert.equal((await fetch(`${forge.url}/apps/nothing/installations/new`)).status, 404)
})

test('the App sees its hook without the secret and changes address and secret', async (t) => {
  const { forge, receiver, pem } = await registered(t)
  const { answer } = await asApp(forge, pem, 'GET', '/app/hook/config')
  assert.deepEqual(answer, { content_type: 'json', insecure_ssl: '0', url: receiver.url, secret: '********' })
  const url = `${receiver.url}/elsewhere`
  assert.equal((await asApp(forge, pem, 'PATCH', '/app/hook/config', { url, secret: 'a new secret' })).answer.url, url)
  forge.installApp('acme')
  await forge.settled()
  assert.equal(forge.deliveries().at(-1)?.url, url)
})

test('a hook that was made inactive delivers nothing', async (t) => {
  const forge = await startGitHub(t)
  await register(forge, JSON.stringify(manifest(null)))
  forge.installApp(forge.developer.login)
  await forge.settled()
  assert.deepEqual(forge.deliveries(), [])
})

test('of two keys each opens the App, until the first is removed', async (t) => {
  const { forge, pem } = await registered(t)
  const second = await forge.addAppKey()
  for (const key of [pem, second]) assert.equal((await asApp(forge, key, 'GET', '/app')).status, 200)
  forge.removeFirstAppKey()
  assert.equal((await asApp(forge, pem, 'GET', '/app')).status, 401)
  assert.equal((await asApp(forge, second, 'GET', '/app')).status, 200)
})
