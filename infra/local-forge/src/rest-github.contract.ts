import assert from 'node:assert/strict'
import { createSign, generateKeyPairSync } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { openApiValidator } from '@slipway/forge/contract'
import type { GitHubLocalForge } from './index.ts'
import { createWorkingCopy, startGitHub } from './local-forge.fixture.ts'

type Json = Record<string, unknown>
const published = openApiValidator('github')

/** A call whose answer must be what GitHub's published OpenAPI document says. */
async function call(forge: GitHubLocalForge, token: string | null, method: string, path: string, body?: Json) {
  const response = await fetch(forge.apiUrl + path, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' })
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  const answer = (await response.json()) as Json
  published.checkResponse(method, path, response.status, answer)
  return { status: response.status, answer, headers: response.headers }
}

interface JwtOptions {
  key?: string
  issuer?: number | string
  ageS?: number
  lifeS?: number
}

function jwt(
  { app }: GitHubLocalForge,
  { key = app.privateKey, issuer = app.id, ageS = 30, lifeS = 570 }: JwtOptions = {}
) {
  const now = Math.floor(Date.now() / 1000)
  const part = (value: Json) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iat: now - ageS, exp: now - ageS + lifeS, iss: issuer })}`
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`
}

async function installationToken(forge: GitHubLocalForge, owner: string, body: Json = {}) {
  const { id } = forge.installationOf(owner) ?? { id: 0 }
  const { answer } = await call(forge, jwt(forge), 'POST', `/app/installations/${id}/access_tokens`, body)
  return String(answer.token)
}

async function startWithCommit(t: TestContext) {
  const forge = await startGitHub(t)
  const copy = await createWorkingCopy(t)
  const repository = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: true })
  const commit = await copy.commit('first')
  await copy.git('push', '--quiet', repository.cloneUrl, 'main')
  // Only then the forge has taken note of the push: until then what it says of the repository may change.
  await forge.settled()
  return { forge, copy, repository, commit }
}

test('the App is known by its key: a token of another key, another App, an old or a too long one is refused', async (t) => {
  const forge = await startGitHub(t)
  const { answer } = await call(forge, jwt(forge), 'GET', '/app')
  assert.deepEqual([answer.id, answer.slug], [forge.app.id, forge.app.slug])
  assert.equal((await call(forge, jwt(forge, { issuer: forge.app.clientId }), 'GET', '/app')).status, 200)
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const stranger = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  const refused = [
    jwt(forge, { key: stranger }),
    jwt(forge, { issuer: 99 }),
    jwt(forge, { ageS: 700, lifeS: 600 }),
    jwt(forge, { lifeS: 3600 }),
    jwt(forge, { ageS: -300 }),
    `${jwt(forge)}x.y`,
    forge.developer.token
  ]
  for (const token of refused) assert.equal((await call(forge, token, 'GET', '/app')).status, 401, token)
})

test('an installation token is narrowed to the repositories and permissions that were asked for, and ends in an hour', async (t) => {
  const { forge, repository, commit } = await startWithCommit(t)
  const other = await forge.createRepository({ owner: 'acme', name: 'other', isPrivate: true })
  const path = `/app/installations/${forge.installationOf('acme')?.id}/access_tokens`
  const narrow = { repository_ids: [repository.id], permissions: { contents: 'read' } }
  const { status, answer } = await call(forge, jwt(forge), 'POST', path, narrow)
  assert.equal(status, 201)
  assert.deepEqual(answer.permissions, { metadata: 'read', contents: 'read' })
  assert.equal(answer.repository_selection, 'selected')
  const lifetime = Date.parse(String(answer.expires_at)) - Date.now()
  assert.ok(lifetime > 3_500_000 && lifetime <= 3_600_000)

  const token = String(answer.token)
  assert.equal((await call(forge, token, 'GET', '/repos/acme/hello')).status, 200)
  assert.equal((await call(forge, token, 'GET', '/repos/acme/other')).status, 404)
  assert.equal((await call(forge, token, 'GET', `/repositories/${other.id}`)).status, 404)
  const run = { name: 'x', head_sha: commit }
  assert.equal((await call(forge, token, 'POST', '/repos/acme/hello/check-runs', run)).status, 403)
  const listed = await call(forge, token, 'GET', '/installation/repositories')
  assert.equal(listed.answer.total_count, 1)

  assert.equal((await call(forge, jwt(forge), 'POST', path, { repository_ids: [99_999] })).status, 422)
  assert.equal((await call(forge, jwt(forge), 'POST', path, { permissions: { contents: 'write' } })).status, 422)
})

test('git takes an installation token for its own repository alone, to read alone, and until the App is removed', async (t) => {
  const { forge, copy, repository, commit } = await startWithCommit(t)
  const other = await forge.createRepository({ owner: 'acme', name: 'other', isPrivate: true })
  const foreign = await forge.createRepository({ owner: 'initech', name: 'theirs', isPrivate: true })
  const password = await installationToken(forge, 'acme', { repository_ids: [repository.id] })
  const urlOf = (id: number, token = password) => forge.cloneUrlFor(id, { username: 'x-access-token', password: token })
  assert.equal(await copy.git('ls-remote', urlOf(repository.id), 'refs/heads/main'), `${commit}\trefs/heads/main`)
  assert.match(await copy.fails('ls-remote', urlOf(other.id)), /not found/i)
  const wide = await installationToken(forge, 'acme')
  assert.equal(await copy.git('ls-remote', urlOf(other.id, wide)), '')
  assert.match(await copy.fails('ls-remote', urlOf(foreign.id, wide)), /not found/i)
  assert.match(await copy.fails('push', urlOf(repository.id), 'main:other'), /403/)
  forge.uninstallApp('acme')
  assert.match(await copy.fails('ls-remote', urlOf(repository.id)), /Authentication failed/)
})

test('a repository, its head and its installation are answered by name and by id, and say when they are gone', async (t) => {
  const { forge, repository, commit } = await startWithCommit(t)
  const token = await installationToken(forge, 'acme')
  const byId = await call(forge, token, 'GET', `/repositories/${repository.id}`)
  assert.deepEqual([byId.answer.id, byId.answer.full_name, byId.answer.private], [repository.id, 'acme/hello', true])
  const head = await call(forge, token, 'GET', '/repos/acme/hello/git/ref/heads/main')
  assert.equal((head.answer.object as Json).sha, commit)
  assert.equal((await call(forge, token, 'GET', '/repos/acme/hello/git/ref/heads/none')).status, 404)
  const installation = await call(forge, jwt(forge), 'GET', '/repos/acme/hello/installation')
  assert.equal(installation.answer.id, forge.installationOf('acme')?.id)
  assert.equal((await call(forge, jwt(forge), 'GET', '/app/installations/99999')).status, 404)
  assert.equal((await call(forge, null, 'GET', '/repos/acme/hello')).status, 404)
  await forge.removeRepository(repository.id)
  assert.equal((await call(forge, token, 'GET', `/repositories/${repository.id}`)).status, 404)
})

test('a renamed repository redirects to its id, and a call with a body goes through', async (t) => {
  const { forge, repository, commit } = await startWithCommit(t)
  const token = await installationToken(forge, 'acme')
  await forge.renameRepository(repository.id, 'renamed')
  const redirect = await fetch(`${forge.apiUrl}/repos/acme/hello`, {
    headers: { authorization: `Bearer ${token}` },
    redirect: 'manual'
  })
  assert.equal(redirect.status, 301)
  assert.equal(redirect.headers.get('location'), `${forge.apiUrl}/repositories/${repository.id}`)
  const head = await call(forge, token, 'GET', '/repos/acme/hello/git/ref/heads/main')
  assert.equal((head.answer.object as Json).sha, commit)
  const status = { state: 'success', context: 'slipway/stack' }
  assert.equal((await call(forge, token, 'POST', `/repos/acme/hello/statuses/${commit}`, status)).status, 201)
})

test('a check run is made, updated by its id and stands on the commit with text and annotations', async (t) => {
  const { forge, repository, commit } = await startWithCommit(t)
  const token = await installationToken(forge, 'acme')
  const base = '/repos/acme/hello'
  const made = await call(forge, token, 'POST', `${base}/check-runs`, {
    name: 'slipway/stack',
    head_sha: commit,
    status: 'in_progress'
  })
  assert.deepEqual([made.status, made.answer.status, made.answer.conclusion], [201, 'in_progress', null])
  const runPath = `${base}/check-runs/${String(made.answer.id)}`
  const annotation = {
    path: 'stack.yml',
    start_line: 3,
    end_line: 3,
    annotation_level: 'failure',
    message: 'no such field'
  }
  const output = {
    title: 'line 3: no such field',
    summary: 'The end of the log',
    text: 'more',
    annotations: [annotation]
  }
  const details = 'https://slipway.example/builds/1'
  const done = await call(forge, token, 'PATCH', runPath, { conclusion: 'failure', details_url: details, output })
  assert.deepEqual([done.answer.status, done.answer.conclusion], ['completed', 'failure'])
  assert.ok(done.answer.completed_at)
  assert.equal((done.answer.output as Json).annotations_count, 1)

  const [report, ...others] = forge.statuses(repository.id, commit)
  assert.deepEqual(others, [])
  assert.deepEqual(
    { ...report, updatedAt: 0 },
    {
      form: 'check-run',
      id: made.answer.id,
      context: 'slipway/stack',
      state: 'failure',
      description: 'line 3: no such field',
      targetUrl: details,
      text: 'The end of the log\n\nmore',
      annotations: [{ path: 'stack.yml', line: 3, level: 'failure', message: 'no such field' }],
      updatedAt: 0
    }
  )
  const again = await call(forge, token, 'POST', `${base}/check-runs`, { name: 'slipway/stack', head_sha: commit })
  assert.notEqual(again.answer.id, made.answer.id)
  const latest = await call(forge, token, 'GET', `${base}/commits/main/check-runs`)
  assert.deepEqual(
    (latest.answer.check_runs as Json[]).map(({ id }) => id),
    [again.answer.id]
  )
  const all = await call(forge, token, 'GET', `${base}/commits/${commit}/check-runs?filter=all&per_page=1`)
  assert.equal(all.answer.total_count, 2)
  assert.match(all.headers.get('link') ?? '', /page=2>; rel="next"/)
})

test('what GitHub refuses of a check run is refused', async (t) => {
  const { forge, commit } = await startWithCommit(t)
  const token = await installationToken(forge, 'acme')
  const path = '/repos/acme/hello/check-runs'
  const annotation = { path: 'a', start_line: 1, end_line: 1, annotation_level: 'warning', message: 'x' }
  const wrong: Json[] = [
    { name: 'x' },
    { head_sha: commit },
    { name: 'x', head_sha: '0'.repeat(39) + '1' },
    { name: 'x', head_sha: commit, status: 'live' },
    { name: 'x', head_sha: commit, status: 'completed' },
    { name: 'x', head_sha: commit, conclusion: 'fine' },
    { name: 'x', head_sha: commit, details_url: 'javascript:alert(1)' },
    { name: 'x', head_sha: commit, output: { summary: 'without a title' } },
    { name: 'x', head_sha: commit, output: { title: 'x', summary: 'x'.repeat(65_536) } },
    {
      name: 'x',
      head_sha: commit,
      output: { title: 'x', summary: 'x', annotations: Array.from({ length: 51 }, () => annotation) }
    }
  ]
  for (const body of wrong) {
    assert.equal((await call(forge, token, 'POST', path, body)).status, 422, JSON.stringify(body).slice(0, 100))
  }
  assert.equal((await call(forge, null, 'POST', path, { name: 'x', head_sha: commit })).status, 404)
  assert.equal((await call(forge, 'ghs_guessed', 'POST', path, { name: 'x', head_sha: commit })).status, 401)
  assert.equal((await call(forge, forge.developer.token, 'POST', path, { name: 'x', head_sha: commit })).status, 403)
})

test('commit statuses are kept in order and the newest of a context counts', async (t) => {
  const { forge, repository, commit } = await startWithCommit(t)
  const token = await installationToken(forge, 'acme')
  const path = `/repos/acme/hello/statuses/${commit}`
  for (const state of ['pending', 'success']) {
    const made = await call(forge, token, 'POST', path, {
      state,
      context: 'slipway/api',
      description: state,
      target_url: 'http://127.0.0.1/'
    })
    assert.equal(made.status, 201)
  }
  const listed = await fetch(`${forge.apiUrl}/repos/acme/hello/commits/${commit}/statuses`, {
    headers: { authorization: `Bearer ${token}` }
  })
  const statuses = (await listed.json()) as Json[]
  published.checkResponse('GET', `/repos/acme/hello/commits/${commit}/statuses`, listed.status, statuses)
  assert.deepEqual(
    statuses.map(({ state }) => state),
    ['success', 'pending']
  )
  assert.deepEqual(
    forge.statuses(repository.id, commit).map(({ context, state }) => [context, state]),
    [['slipway/api', 'success']]
  )
  assert.equal((await call(forge, token, 'POST', path, { state: 'live' })).status, 422)
  assert.equal((await call(forge, token, 'POST', path, { state: 'error', description: 'x'.repeat(141) })).status, 422)
})

test('a suspended installation is shown as one and its tokens are refused', async (t) => {
  const { forge } = await startWithCommit(t)
  const token = await installationToken(forge, 'acme')
  forge.suspendApp('acme', true)
  const { id } = forge.installationOf('acme') ?? { id: 0 }
  const shown = await call(forge, jwt(forge), 'GET', `/app/installations/${id}`)
  assert.ok(shown.answer.suspended_at)
  assert.equal((await call(forge, token, 'GET', '/installation/repositories')).status, 403)
  assert.equal((await call(forge, token, 'GET', '/repos/acme/hello')).status, 403)
  assert.equal((await call(forge, jwt(forge), 'POST', `/app/installations/${id}/access_tokens`, {})).status, 403)
})

test('a developer creates a repository over REST, and a name that is taken is refused', async (t) => {
  const forge = await startGitHub(t)
  const create = (path: string, body: Json) =>
    fetch(forge.apiUrl + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${forge.developer.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
  const made = await create('/orgs/acme/repos', { name: 'hello', private: true })
  assert.equal(made.status, 201)
  const own = await create('/user/repos', { name: 'mine' })
  assert.equal(((await own.json()) as Json).full_name, 'developer/mine')
  assert.equal((await create('/orgs/ACME/repos', { name: 'Hello' })).status, 422)
  assert.equal((await create('/orgs/acme/repos', { name: '../x' })).status, 400)
  assert.deepEqual(
    forge.repositories().map(({ fullName }) => fullName),
    ['acme/hello', 'developer/mine']
  )
  assert.ok(forge.installationOf('acme'))
})

test('deliveries that failed are listed to the App alone, page by page, with what was sent', async (t) => {
  const { forge, copy, repository } = await startWithCommit(t)
  forge.setWebhook({ url: 'http://127.0.0.1:9/webhooks', secret: 'x' })
  forge.setLoss('fail')
  for (const message of ['two', 'three', 'four']) {
    await copy.commit(message)
    await copy.git('push', '--quiet', repository.cloneUrl, 'main')
  }
  await forge.settled()
  const path = '/app/hook/deliveries'
  assert.equal((await call(forge, forge.developer.token, 'GET', path)).status, 401)
  const first = await call(forge, jwt(forge), 'GET', `${path}?per_page=2&status=failure`)
  const next = new URL(/<([^>]+)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1] ?? '')
  const second = await call(forge, jwt(forge), 'GET', next.href.slice(forge.apiUrl.length))
  const listed = [first, second].flatMap(({ answer }) => answer as unknown as Json[])
  assert.deepEqual(
    listed.map(({ event, status_code: code }) => [event, code]),
    [
      ['push', 0],
      ['push', 0],
      ['push', 0]
    ]
  )
  assert.equal(second.headers.get('link'), null)
  const one = await call(forge, jwt(forge), 'GET', `${path}/${String(listed[0]?.id)}`)
  const { payload } = one.answer.request as { payload: Json }
  assert.equal((payload.head_commit as Json).message, 'four')
  assert.deepEqual((await call(forge, jwt(forge), 'GET', `${path}?status=success`)).answer, [])
  assert.equal((await call(forge, jwt(forge), 'GET', `${path}/1`)).status, 404)
  forge.setLoss('lose')
  await copy.commit('five')
  await copy.git('push', '--quiet', repository.cloneUrl, 'main')
  await forge.settled()
  assert.equal(forge.deliveries().length, 3, 'of what is lost there is no record')
})

test('who has an answer already is told that it is unchanged', async (t) => {
  const { forge, copy, repository } = await startWithCommit(t)
  const token = await installationToken(forge, 'acme')
  const path = '/repos/acme/hello/git/ref/heads/main'
  const { headers } = await call(forge, token, 'GET', path)
  const ask = () =>
    fetch(forge.apiUrl + path, {
      headers: { authorization: `Bearer ${token}`, 'if-none-match': headers.get('etag') ?? '' }
    })
  const unchanged = await ask()
  const body = await unchanged.text()
  published.checkResponse('GET', path, unchanged.status, body === '' ? null : body, true)
  assert.equal(unchanged.status, 304)
  await copy.commit('second')
  await copy.git('push', '--quiet', repository.cloneUrl, 'main')
  assert.equal((await ask()).status, 200)
})
