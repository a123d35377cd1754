import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { inspect } from 'node:util'
import type { BuildStatus, CommitStatus, Failure } from '@slipway/domain'
import { failsWith } from '../webhooks/deliveries.fixture.ts'
import { createGitLabApi, type GitLabApiConfig } from './gitlab.ts'
import { groupOf, namespaceOf, projectOf, startGitLab, token } from './gitlab-server.fixture.ts'
import { type CallFetch, leanFetch } from './lean-fetch.ts'
import { buildWith, clock, commit, instanceAt, repositoryWith, statusWith } from './server.fixture.ts'

const { signal } = new AbortController()
const repository = repositoryWith({ forgeRepositoryId: '15', fullName: 'mike/diaspora', installationId: null })
const asked = { forgeRepositoryId: '15', installationId: null, fullName: 'mike/diaspora' }

async function start(t: TestContext, options: Partial<GitLabApiConfig> = {}) {
  const gitlab = await startGitLab(t)
  const instance = instanceAt(gitlab.url, 'gitlab')
  const api = createGitLabApi({ instance, token, readToken: null, readUsername: null, now: () => clock, ...options })
  return {
    ...gitlab,
    api,
    report: (status: Partial<CommitStatus>, externalId: string | null = null, build = buildWith()) =>
      api.report({ repository, build, status: statusWith(status), externalId }, signal)
  }
}

test('addresses are made from the configured forge and the whole path', async (t) => {
  const { api, url } = await start(t)
  const deep = { fullName: 'a/b.c/d-e' }
  assert.equal(api.repositoryUrl(deep), `${url}/a/b.c/d-e`)
  assert.equal(api.cloneUrl(deep), `${url}/a/b.c/d-e.git`)
  assert.equal(api.commitUrl(deep, commit), `${url}/a/b.c/d-e/-/commit/${commit}`)
  assert.throws(() => api.cloneUrl({ fullName: 'a/../b' }), failsWith('invalid-request'))
})

test('git reads private repositories with the read token, else with the only token there is, public ones with none', async (t) => {
  const { api } = await start(t)
  const expiresAt = clock + 3_600_000
  assert.deepEqual(await api.readCredential(repository, signal), { username: 'oauth2', password: token, expiresAt })
  assert.equal(await api.readCredential({ ...repository, isPrivate: false }, signal), null)
  const narrow = await start(t, { readToken: 'gldt-x' })
  const password = 'gldt-x'
  assert.deepEqual(await narrow.api.readCredential(repository, signal), { username: 'oauth2', password, expiresAt })
  const deploy = await start(t, { readToken: 'gldt-x', readUsername: 'gitlab+deploy-token-1' })
  assert.equal((await deploy.api.readCredential(repository, signal))?.username, 'gitlab+deploy-token-1')
})

test('a repository is found by its id; a user owns it under the id of the namespace, not of the user', async (t) => {
  const { api } = await start(t)
  assert.deepEqual(await api.findRepository(asked, signal), {
    forgeRepositoryId: '15',
    name: 'diaspora',
    fullName: 'mike/diaspora',
    defaultBranch: 'main',
    isPrivate: true,
    owner: { forgeOwnerId: '40', login: 'mike' },
    installationId: null,
    isArchived: false,
    connection: 'gone'
  })
})

test('the owner of a project deep in groups is the top-level group', async (t) => {
  const { api, state } = await start(t)
  const visibility = 'public'
  state.projects = [
    projectOf(15, 'top/sub/deep/c', namespaceOf('group', 'top/sub/deep', 9, 8), { visibility, archived: true })
  ]
  state.groups = { top: groupOf(7, 'top') }
  const found = await api.findRepository(asked, signal)
  assert.deepEqual(found?.owner, { forgeOwnerId: '7', login: 'top' })
  assert.deepEqual([found?.fullName, found?.isPrivate, found?.isArchived], ['top/sub/deep/c', false, true])
  state.groups = {}
  await assert.rejects(api.findRepository(asked, signal), failsWith('forbidden', /group "top"/))
})

test('what only members may see is private, and an empty project has a default branch all the same', async (t) => {
  const { api, state } = await start(t)
  const change = { visibility: 'internal', default_branch: null }
  state.projects = [projectOf(15, 'top/c', namespaceOf('group', 'top', 7), change)]
  const found = await api.findRepository(asked, signal)
  assert.deepEqual([found?.isPrivate, found?.defaultBranch], [true, 'main'])
})

test('a project that GitLab says is gone is null; an outage, a proxy or another project never is', async (t) => {
  const patient = await start(t)
  assert.equal(await patient.api.findRepository({ ...asked, forgeRepositoryId: '16' }, signal), null)
  const { api, state } = await start(t, { timeoutMs: 300 })
  const outages = [
    () => ({ status: 500, raw: 'oops' }),
    () => ({ status: 404, raw: '<html>no such host</html>' }),
    () => ({ status: 502, raw: '' }),
    () => ({ status: 200, raw: 'welcome to the hotel' }),
    () => ({ status: 404, raw: '{', headers: { 'content-type': 'application/json' } }),
    () => ({ status: 200, body: projectOf(16, 'mike/other', namespaceOf('user', 'mike', 40)) }),
    () => new Promise<null>((resolve) => setTimeout(resolve, 600, null))
  ]
  for (const outage of outages) {
    state.instead = outage
    await assert.rejects(api.findRepository(asked, signal), failsWith('unavailable'))
  }
})

test('the token follows no redirection', async (t) => {
  const { api, state, calls } = await start(t)
  state.instead = () => ({ status: 302, raw: '', headers: { location: '/api/v4/projects/15' } })
  await assert.rejects(api.findRepository(asked, signal), failsWith('unavailable'))
  assert.equal(calls.length, 1)
})

test('the head of a branch is found whatever its name, null when there is none, and tags have none', async (t) => {
  const { api, state } = await start(t)
  for (const name of ['main', 'feature/x', 'a#b', 'ünï%41code']) {
    state.branches = { [name]: commit }
    assert.equal(await api.findHead(repository, `refs/heads/${name}`, signal), commit, name)
  }
  assert.equal(await api.findHead(repository, 'refs/heads/gone', signal), null)
  assert.equal(await api.findHead(repository, 'refs/tags/v1', signal), null)
})

test('there are no installations', async (t) => {
  const { api } = await start(t)
  await assert.rejects(api.findInstallation('1', signal), failsWith('unsupported'))
})

test('every state of a build has a state at GitLab', async (t) => {
  const { report, state } = await start(t)
  const expected: Record<BuildStatus, string> = {
    queued: 'pending',
    building: 'running',
    deploying: 'running',
    live: 'success',
    failed: 'failed',
    error: 'failed',
    superseded: 'canceled',
    cancelled: 'canceled',
    skipped: 'success'
  }
  for (const [word, told] of Object.entries(expected)) {
    state.statuses = []
    await report({ state: word as BuildStatus })
    assert.equal(state.statuses[0]?.status, told, word)
  }
})

test('all statuses of a context go into the pipeline of the first, under the name of the branch', async (t) => {
  const { report, state, calls } = await start(t)
  const build = buildWith({ ref: 'refs/heads/feature/x' })
  const first = await report({ state: 'queued' }, null, build)
  assert.equal(first, '100')
  assert.equal(await report({ state: 'building' }, first, build), '100')
  assert.equal(await report({ state: 'live', targetUrl: null }, first, build), '100')
  assert.deepEqual(
    calls.map(({ body }) => body?.pipeline_id),
    [undefined, 100, 100]
  )
  assert.ok(calls.every(({ body }) => body?.ref === 'feature/x' && body.name === 'slipway/stack'))
  assert.deepEqual(
    state.statuses.map(({ status }) => status),
    ['success']
  )
})

test('a status that stands there already is done, and keeps its pipeline', async (t) => {
  const { report, state } = await start(t)
  const first = await report({ state: 'building' })
  assert.equal(await report({ state: 'building' }, first), first)
  assert.equal(await report({ state: 'deploying' }, first), first)
  assert.equal(await report({ state: 'queued' }, null), null)
  assert.equal(state.statuses.length, 1)
})

test('a pipeline that is gone is replaced by another', async (t) => {
  const { report, state } = await start(t)
  state.instead = ({ body }) =>
    body?.pipeline_id === 77
      ? { status: 404, body: { message: '404 Pipeline for pipeline_id, sha and ref Not Found' } }
      : null
  assert.equal(await report({ state: 'building' }, '77'), '100')
})

test('a refusal for another reason is no success', async (t) => {
  const { report, state } = await start(t)
  await assert.rejects(report({}, null, buildWith({ commit: 'b'.repeat(40) })), failsWith('not-found', /Commit/))
  state.instead = () => ({ status: 400, body: { message: { name: ['is too long'] } } })
  await assert.rejects(report({}), failsWith('invalid-request', /is too long/))
  state.instead = () => ({ status: 400, body: { error: 'state does not have a valid value' } })
  await assert.rejects(report({}), failsWith('invalid-request', /valid value/))
})

test('reasons are cut to 255 characters, addresses that are longer are left out', async (t) => {
  const { report, state } = await start(t)
  const targetUrl = `https://slipway.example.com/${'x'.repeat(255)}`
  await report({ state: 'failed', description: `first\nsecond ${'😀'.repeat(200)}`, targetUrl })
  const { description, target_url: url } = state.statuses[0] as Record<string, unknown>
  assert.ok(typeof description === 'string' && description.length <= 255 && description.isWellFormed())
  assert.ok(!description.includes('\n'))
  assert.equal(url, null)
})

test('a limited rate is told with the time to wait, after one call and not ten', async (t) => {
  const { api, state, calls } = await start(t)
  const reset = String(clock / 1000 + 90)
  const cases: [Record<string, string>, number][] = [
    [{ 'retry-after': '7' }, 7000],
    [{ 'ratelimit-remaining': '0', 'ratelimit-reset': reset }, 90_000],
    [{}, 60_000]
  ]
  for (const [headers, retryAfterMs] of cases) {
    calls.length = 0
    state.instead = () => ({ status: 429, body: { message: 'Retry later' }, headers })
    await assert.rejects(api.findRepository(asked, signal), (err: Failure) => {
      assert.deepEqual([err.code, err.retryAfterMs], ['rate-limited', retryAfterMs])
      return true
    })
    assert.equal(calls.length, 1)
  }
})

test('a refused token says so, and no secret is told in any failure', async (t) => {
  const { api } = await start(t, { token: 'glpat-wrong' })
  await assert.rejects(api.findRepository(asked, signal), failsWith('invalid-configuration', /credentials/))
  const { api: right, state } = await start(t)
  for (const status of [400, 401, 403, 404, 409, 422, 429, 500]) {
    state.instead = () => ({ status, body: { message: 'no' } })
    const said = await right.findRepository(asked, signal).then(String, (err: unknown) => inspect(err, { depth: 9 }))
    assert.ok(!said.includes(token), said)
  }
})

test('a call that is aborted ends at once with the reason of who aborted it', async (t) => {
  const { api, state } = await start(t)
  state.instead = () => new Promise<null>((resolve) => setTimeout(resolve, 2000, null).unref())
  const controller = new AbortController()
  const reason = new Error('stopping')
  const call = api.findRepository(asked, controller.signal)
  setTimeout(() => controller.abort(reason), 200)
  await assert.rejects(call, reason)
  await assert.rejects(api.findRepository(asked, AbortSignal.abort(reason)), reason)
})

test('what deviates from the OpenAPI is noticed: in what is sent and in what is answered', async (t) => {
  const planted: CallFetch = (input, init) => {
    const body = typeof init?.body === 'string' ? init.body.replace('"name":"slipway/stack"', '"name":5') : init?.body
    return leanFetch(input, { ...init, body: body ?? null })
  }
  const { report, state, deviations } = await start(t, { fetch: planted })
  await report({})
  const [sent, answered, ...more] = deviations.splice(0)
  assert.match(sent ?? '', /the request deviates: \/name must be string/)
  assert.match(answered ?? '', /the answer 201 deviates: \/name must be string/)
  assert.deepEqual(more, [])
  state.instead = () => ({ status: 201, body: { id: 5 } })
  await report({ context: 'another' })
  assert.match(deviations.splice(0).join('\n'), /the answer 201 deviates/)
})

test('asking for a head again is conditional, and respects the rate limit', async (t) => {
  const { api, state, calls } = await start(t)
  state.branches.main = commit
  const ask = () => api.findHead(repository, 'refs/heads/main', signal, 'whenever')
  assert.deepEqual([await ask(), await ask()], [commit, commit])
  assert.deepEqual(
    calls.map(({ headers }) => headers['if-none-match'] !== undefined),
    [false, true]
  )
  state.instead = () => ({
    status: 404,
    body: { message: '404 Branch Not Found' },
    headers: {
      'RateLimit-Limit': '2000',
      'RateLimit-Remaining': '10',
      'RateLimit-Reset': String(Math.ceil(clock / 1000) + 30)
    }
  })
  assert.equal(await ask(), null)
  await assert.rejects(ask(), failsWith('rate-limited'))
  const resetAt = (Math.ceil(clock / 1000) + 30) * 1000
  const limits = [{ installationId: null, remaining: 10, limit: 2000, resetAt }]
  assert.deepEqual(api.standing(), { limits, lastError: null })
  state.instead = () => ({ status: 503, raw: 'away' })
  await assert.rejects(api.findHead(repository, 'refs/heads/main', signal), failsWith('unavailable'))
  assert.match(api.standing().lastError?.message ?? '', /^GitLab answered 503 to GET/)
})

test('a project is connected by a hook that leads to us or by its topic, as far as the token may see', async (t) => {
  const { api, state } = await start(t)
  const connection = async () => (await api.findRepository(asked, signal))?.connection
  assert.equal(await connection(), 'gone')
  state.hooks = ['https://ci.example.com/hook', 'https://slipway.example.com/webhooks/gitlab']
  assert.equal(await connection(), 'there')
  state.hooks = ['https://{host}/gitlab-event']
  assert.equal(await connection(), 'there')
  state.hooks = null
  assert.equal(await connection(), 'unknown')
  state.projects = [projectOf(15, 'mike/diaspora', namespaceOf('user', 'mike', 40), { topics: ['OpenFaaS-Cloud'] })]
  assert.equal(await connection(), 'there')
  assert.equal(await api.identity(signal), 'user/77')
})
