import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { inspect } from 'node:util'
import type { Failure } from '@slipway/domain'
import { failsWith } from '../webhooks/deliveries.fixture.ts'
import { createGitHubApi } from './github.ts'
import { appId, privateKey, recordedRepository, refused, startGitHub } from './github-server.fixture.ts'
import { type CallFetch, leanFetch } from './lean-fetch.ts'
import { clock, commit, instanceAt, repositoryWith } from './server.fixture.ts'

const { signal } = new AbortController()
const repository = repositoryWith()
const asked = { forgeRepositoryId: '186853002', installationId: '957387', fullName: 'Codertocat/Hello-World' }

async function start(t: TestContext, options: { fetch?: CallFetch; timeoutMs?: number; privateKey?: string } = {}) {
  let time = clock
  const now = () => time
  const github = await startGitHub(t, now)
  const api = createGitHubApi({ instance: instanceAt(github.url, 'github'), appId, privateKey, now, ...options })
  return {
    ...github,
    api,
    pass(ms: number) {
      time += ms
    }
  }
}

test('addresses are made from the configured forge and the name, never leading elsewhere', async (t) => {
  const { api, url } = await start(t)
  assert.equal(api.repositoryUrl(repository), `${url}/Codertocat/Hello-World`)
  assert.equal(api.cloneUrl(repository), `${url}/Codertocat/Hello-World.git`)
  assert.equal(api.commitUrl(repository, commit), `${url}/Codertocat/Hello-World/commit/${commit}`)
  for (const fullName of ['../x', 'a/..', 'a/b?c', 'a', '', 'a/b#c', 'a//b', '@evil.com/x']) {
    assert.throws(() => api.cloneUrl({ fullName }), failsWith('invalid-request'), fullName)
  }
  assert.throws(() => api.commitUrl(repository, '../../x'), failsWith('invalid-request'))
})

test('a read credential is for one repository and its contents, and is kept until ten minutes before its end', async (t) => {
  const { api, state, pass } = await start(t)
  const first = await api.readCredential(repository, signal)
  assert.deepEqual(first, { username: 'x-access-token', password: 'ghs_0_secret', expiresAt: clock + 3_600_000 })
  const scope = { installation: '957387', repositoryIds: [186853002], permissions: { contents: 'read' } }
  assert.deepEqual([...state.tokens.values()], [scope])
  pass(49 * 60_000)
  assert.equal((await api.readCredential(repository, signal))?.password, first?.password)
  pass(2 * 60_000)
  assert.equal((await api.readCredential(repository, signal))?.password, 'ghs_1_secret')
})

test('a repository without a known installation is looked up; a public one without any needs no credential', async (t) => {
  const { api } = await start(t)
  const found = await api.readCredential(repositoryWith({ installationId: null }), signal)
  assert.equal(found?.password, 'ghs_0_secret')
  const elsewhere = repositoryWith({ installationId: null, fullName: 'octocat/public', forgeRepositoryId: '5' })
  assert.equal(await api.readCredential({ ...elsewhere, isPrivate: false }, signal), null)
  await assert.rejects(api.readCredential(elsewhere, signal), failsWith('forbidden', /install it/))
})

test('a repository that left its installation, or whose installation is gone, is read only when it is public', async (t) => {
  const { api } = await start(t)
  for (const change of [{ forgeRepositoryId: '5' }, { installationId: '6' }]) {
    const left = repositoryWith(change)
    await assert.rejects(api.readCredential(left, signal), failsWith('forbidden', /install it/))
    assert.equal(await api.readCredential({ ...left, isPrivate: false }, signal), null)
  }
})

test('a repository is found by its id, with its owner and the installation that it belongs to now', async (t) => {
  const { api } = await start(t)
  assert.deepEqual(await api.findRepository(asked, signal), {
    forgeRepositoryId: '186853002',
    name: 'Hello-World',
    fullName: 'Codertocat/Hello-World',
    defaultBranch: 'master',
    isPrivate: true,
    owner: { forgeOwnerId: '21031067', login: 'Codertocat' },
    installationId: '957387',
    isArchived: false,
    connection: 'there'
  })
  const unknown = await api.findRepository({ ...asked, installationId: null }, signal)
  assert.equal(unknown?.installationId, '957387')
})

test('a repository that GitHub says is gone is null, in every way of being gone', async (t) => {
  const { api, state } = await start(t)
  assert.equal(await api.findRepository({ ...asked, forgeRepositoryId: '7' }, signal), null)
  assert.equal(
    await api.findRepository({ ...asked, installationId: '1' }, signal).then((found) => found?.installationId),
    '957387'
  )
  state.installations = {}
  assert.equal(await api.findRepository(asked, signal), null)
  assert.equal(await api.findRepository({ ...asked, fullName: null }, signal), null)
})

test('a transferred repository is found through the installation of its new owner', async (t) => {
  const { api, state } = await start(t)
  const moved = recordedRepository({ full_name: 'octocat/Hello-World' })
  state.installations = { 957387: { repositories: [], canCheck: true }, 8: { repositories: [moved], canCheck: true } }
  const found = await api.findRepository({ ...asked, fullName: 'octocat/Hello-World' }, signal)
  assert.deepEqual([found?.fullName, found?.installationId], ['octocat/Hello-World', '8'])
})

test('a public repository that the App was removed from is found, without an installation', async (t) => {
  const { api, state } = await start(t)
  state.publicRepositories = [recordedRepository()]
  state.installations = { 957387: { repositories: [], canCheck: true } }
  const found = await api.findRepository(asked, signal)
  assert.deepEqual([found?.installationId, found?.connection], [null, 'gone'])
})

test('a call that takes too long names itself, the time and the setting', async (t) => {
  const { api, state } = await start(t, { timeoutMs: 300 })
  state.instead = () => new Promise<null>((resolve) => setTimeout(resolve, 600, null))
  const words = /^GitHub: GET .* took longer than 0\.3 s, the limit that FORGE_TIMEOUT_MS sets$/
  await assert.rejects(api.findInstallation('957387', signal), failsWith('unavailable', words))
})

test('an outage never reads as a removal', async (t) => {
  const { api, state } = await start(t, { timeoutMs: 300 })
  const outages = [
    () => ({ status: 500, raw: 'oops' }),
    () => ({ status: 404, raw: '<html>no such host</html>' }),
    () => ({ status: 502, raw: '' }),
    () => ({ status: 200, raw: 'welcome to the hotel' }),
    () => new Promise<null>((resolve) => setTimeout(resolve, 600, null))
  ]
  for (const outage of outages) {
    state.instead = outage
    await assert.rejects(api.findRepository(asked, signal), failsWith('unavailable'))
    await assert.rejects(api.findInstallation('957387', signal), failsWith('unavailable'))
  }
  const gone = createGitHubApi({
    instance: instanceAt('http://127.0.0.1:1', 'github'),
    appId,
    privateKey,
    now: () => clock
  })
  await assert.rejects(gone.findRepository(asked, signal), failsWith('unavailable'))
})

test('another repository than the one asked for is no answer', async (t) => {
  const { api, state } = await start(t)
  const body = recordedRepository({ id: 8, network_count: 0, subscribers_count: 0 })
  state.instead = ({ path }) => (path.startsWith('/repositories/') ? { status: 200, body } : null)
  await assert.rejects(api.findRepository(asked, signal), failsWith('unavailable', /instead of/))
})

test('an installation lists all its repositories, page by page; suspended it lists none, gone it is null', async (t) => {
  const { api, state } = await start(t)
  const repositories = Array.from({ length: 250 }, (_, index) => recordedRepository({ id: index + 1 }))
  state.installations = { 957387: { repositories, canCheck: true } }
  const found = await api.findInstallation('957387', signal)
  const ids = found?.repositories.map((one) => Number(one.forgeRepositoryId)) ?? []
  assert.deepEqual(
    ids,
    repositories.map(({ id }) => id)
  )
  assert.equal(found?.isSuspended, false)
  state.installations = { 957387: { repositories, canCheck: true, isSuspended: true } }
  assert.deepEqual(await api.findInstallation('957387', signal), { isSuspended: true, repositories: [] })
  assert.equal(await api.findInstallation('1', signal), null)
})

test('the head of a branch is found whatever its name, and is null when there is no such branch', async (t) => {
  const { api, state } = await start(t)
  for (const name of ['main', 'feature/x', 'a#b', 'ünï%41code']) {
    state.refs = { [`heads/${name}`]: commit }
    assert.equal(await api.findHead(repository, `refs/heads/${name}`, signal), commit, name)
  }
  assert.equal(await api.findHead(repository, 'refs/heads/gone', signal), null)
})

test('a limited rate is told with the time to wait, however GitHub says it', async (t) => {
  const { api, state } = await start(t)
  const reset = String(clock / 1000 + 90)
  const cases: [Record<string, string>, string, number, number][] = [
    [{ 'retry-after': '7' }, 'slow down', 429, 7000],
    [{ 'retry-after': '7' }, 'You have exceeded a secondary rate limit', 403, 7000],
    [{ 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset }, 'API rate limit exceeded', 403, 90_000],
    [{}, 'You have exceeded a secondary rate limit', 403, 60_000],
    [{ 'retry-after': '0' }, 'slow down', 429, 1000],
    [{ 'retry-after': new Date(clock + 5000).toUTCString() }, 'slow down', 429, 5000]
  ]
  for (const [headers, message, status, retryAfterMs] of cases) {
    state.instead = () => refused(status, message, headers)
    await assert.rejects(api.findInstallation('957387', signal), (err: Failure) => {
      assert.deepEqual([err.code, err.retryAfterMs], ['rate-limited', retryAfterMs], message)
      return true
    })
  }
})

test('a suspended installation and a refused key say what to do, and no secret is told in any failure', async (t) => {
  const { api, state } = await start(t)
  state.installations = { 957387: { repositories: [], canCheck: true, isSuspended: true } }
  await assert.rejects(api.readCredential(repository, signal), failsWith('forbidden', /suspended/))
  const failing = [403, 404, 409, 422, 500, 401].map((status) => async () => {
    state.instead = ({ path }) => (path.endsWith('/access_tokens') || path === '/x' ? null : refused(status, 'no'))
    state.installations = { 957387: { repositories: [recordedRepository()], canCheck: true } }
    await api.findHead(repository, 'refs/heads/main', signal)
  })
  for (const fails of failing) {
    const said = await fails().then(String, (err: unknown) => inspect(err, { depth: 9 }))
    assert.ok(!/ghs_\d|PRIVATE KEY|eyJ/.test(said), said)
  }
})

test("a key that is none is refused before anything is called, one that is not the App's with the first call", async (t) => {
  const { privateKey: ofOtherKind } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' }
  })
  for (const wrong of [
    '-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----',
    'nonsense',
    ofOtherKind
  ]) {
    const make = () =>
      createGitHubApi({ instance: instanceAt('http://127.0.0.1:1', 'github'), appId, privateKey: wrong, now: Date.now })
    assert.throws(make, failsWith('invalid-configuration', /key/))
  }
  const { privateKey: another } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' }
  })
  const { api } = await start(t, { privateKey: another })
  await assert.rejects(api.findInstallation('957387', signal), failsWith('invalid-configuration', /credentials/))
})

test('a token that was revoked before its time is replaced once', async (t) => {
  const { api, state } = await start(t)
  state.refs = { 'heads/main': commit }
  assert.equal(await api.findHead(repository, 'refs/heads/main', signal), commit)
  state.tokens.delete('ghs_0_secret')
  state.tokens.set('another', { installation: '957387', repositoryIds: null, permissions: null })
  assert.equal(await api.findHead(repository, 'refs/heads/main', signal), commit)
  assert.deepEqual([...state.tokens.keys()], ['another', 'ghs_1_secret'])
})

test('a call that is aborted ends at once with the reason of who aborted it', async (t) => {
  const { api, state } = await start(t)
  state.instead = () => new Promise<null>((resolve) => setTimeout(resolve, 2000, null).unref())
  const controller = new AbortController()
  const reason = new Error('stopping')
  const call = api.findInstallation('957387', controller.signal)
  setTimeout(() => controller.abort(reason), 50)
  await assert.rejects(call, reason)
  await assert.rejects(api.findInstallation('957387', AbortSignal.abort(reason)), reason)
})

test('what deviates from the OpenAPI is noticed: in what is sent and in what is answered', async (t) => {
  const planted: CallFetch = (input, init) => {
    const body = typeof init?.body === 'string' ? init.body.replace('"contents":"read"', '"contents":true') : init?.body
    return leanFetch(input, { ...init, body: body ?? null })
  }
  const { api, state, deviations } = await start(t, { fetch: planted })
  await api.readCredential(repository, signal)
  assert.match(deviations.splice(0).join('\n'), /access_tokens: the request deviates: \/permissions\/contents/)
  state.instead = ({ path }) =>
    path.endsWith('/git/ref/heads/main') ? { status: 200, body: { object: { sha: commit } } } : null
  await api.findHead(repository, 'refs/heads/main', signal)
  assert.match(deviations.splice(0).join('\n'), /git\/ref\/heads\/main: the answer 200 deviates/)
})

test('asking for a head again is conditional, and an unchanged one costs an empty answer', async (t) => {
  const { api, state, calls } = await start(t)
  state.refs['heads/main'] = commit
  const ask = () => api.findHead(repository, 'refs/heads/main', signal)
  assert.deepEqual([await ask(), await ask()], [commit, commit])
  const heads = calls.filter(({ path }) => path.includes('/git/ref/'))
  assert.deepEqual(
    heads.map(({ headers }) => headers['if-none-match'] !== undefined),
    [false, true]
  )
  assert.equal(heads[0]?.headers.authorization, heads[1]?.headers.authorization, 'one token for all heads')
  const next = 'e'.repeat(40)
  state.refs['heads/main'] = next
  assert.deepEqual([await ask(), await ask()], [next, next])
  delete state.refs['heads/main']
  assert.equal(await ask(), null, 'what is gone is not remembered')
})

test('a repository that nobody pushed to has no head', async (t) => {
  const { api, state } = await start(t)
  state.instead = ({ path }) => (path.includes('/git/ref/') ? refused(409, 'Git Repository is empty.') : null)
  assert.equal(await api.findHead(repository, 'refs/heads/main', signal), null)
})

test('asking on a timer leaves a fifth of the rate limit to others, until it is renewed', async (t) => {
  const { api, state, pass } = await start(t)
  const reset = Math.ceil(clock / 1000) + 60
  const body = (remaining: number) => ({
    status: 404,
    headers: {
      'x-ratelimit-limit': '5000',
      'x-ratelimit-remaining': String(remaining),
      'x-ratelimit-reset': String(reset)
    },
    body: { message: 'Not Found', documentation_url: 'https://docs.github.com/rest', status: '404' }
  })
  state.refs['heads/main'] = commit
  let remaining = 1000
  const { instead } = state
  state.instead = (call) => (call.path.endsWith('heads/gone') ? body(remaining) : instead(call))
  const ask = (ref: string, urgency: 'now' | 'whenever') => api.findHead(repository, ref, signal, urgency)
  await ask('refs/heads/gone', 'whenever')
  assert.equal(await ask('refs/heads/main', 'whenever'), commit)
  remaining = 999
  await ask('refs/heads/gone', 'whenever')
  const refusal = await ask('refs/heads/main', 'whenever').then(
    () => null,
    (err: Failure) => err
  )
  assert.deepEqual([refusal?.code, (refusal?.retryAfterMs ?? 0) > 50_000], ['rate-limited', true])
  assert.equal(await ask('refs/heads/main', 'now'), commit, 'what cannot wait is asked')
  const [limit, ...others] = api.standing().limits
  assert.deepEqual([limit?.remaining, limit?.limit, limit?.resetAt, others], [999, 5000, reset * 1000, []])
  assert.equal(limit?.installationId, repository.installationId)
  pass(61_000)
  assert.deepEqual(api.standing().limits, [], 'it is over')
  assert.equal(await ask('refs/heads/main', 'whenever'), commit)
})

test('the newest call that GitHub left unanswered is told, and none that it only found nothing for', async (t) => {
  const { api, state, pass } = await start(t)
  assert.equal(api.standing().lastError, null)
  assert.equal(await api.findHead(repository, 'refs/heads/none', signal), null)
  assert.equal(api.standing().lastError, null)
  state.instead = ({ path }) => (path.includes('/git/ref/') ? refused(502, 'Bad gateway') : null)
  pass(5000)
  await assert.rejects(api.findHead(repository, 'refs/heads/main', signal), failsWith('unavailable'))
  const { at, message } = api.standing().lastError ?? {}
  assert.equal(at, clock + 5000)
  assert.match(message ?? '', /^GitHub answered 502 to GET/)
})

test('deliveries that did not arrive are found on every page, whatever size their ids have, oldest first', async (t) => {
  const { api, state } = await start(t)
  const big = 9_007_199_254_740_993n
  const { examplesOf } = await import('../webhooks/deliveries.fixture.ts')
  const [payload] = examplesOf('ping') as [Record<string, unknown>]
  state.deliveries = Array.from({ length: 230 }, (_, i) => ({
    id: big - BigInt(2 * i),
    guid: `guid-${Math.floor(i / 2)}`,
    at: clock - i * 1000,
    statusCode: i % 10 === 0 ? 202 : 502,
    event: 'ping',
    payload
  }))
  const all = await api.missedDeliveries(0, signal)
  assert.equal(all.length, 115)
  assert.equal(all[0]?.deliveryId, 'guid-114')
  assert.equal(all.at(-1)?.attemptId, String(big - 2n), 'not what a number would make of it')
  const since = clock - 20_000
  const recent = await api.missedDeliveries(since, signal)
  assert.ok(recent.length === 10 && recent.every(({ deliveredAt }) => deliveredAt >= since))
  const [oldest] = recent
  assert.ok(oldest)
  const received = await api.fetchDelivery(oldest, signal)
  assert.deepEqual(received, { deliveryId: oldest.deliveryId, eventName: 'ping', event: { kind: 'ping' } })
  assert.equal(await api.fetchDelivery({ ...oldest, attemptId: '5' }, signal), null)
  await assert.rejects(api.fetchDelivery({ ...oldest, deliveryId: 'other' }, signal), failsWith('unavailable'))
})
