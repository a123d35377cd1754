import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Failure, type RecordedDelivery, type Store } from '@slipway/domain'
import { createGitHubWebhooks, createGitLabWebhooks } from '@slipway/forge'
import { createLogger } from '@slipway/service'
import { createStore } from '@slipway/store'
import { createReceiver } from './app.ts'
import { type BodyLimits, bodyLimits } from './body.ts'
import { createGroupCommit } from './group-commit.ts'

const secret = 'a secret of the test'
const gitlabToken = 'a token of the test!'
const github = {
  forgeId: 'github',
  kind: 'github' as const,
  baseUrl: 'http://forge.test',
  apiUrl: 'http://forge.test/api/v3'
}
const gitlab = {
  forgeId: 'gitlab',
  kind: 'gitlab' as const,
  baseUrl: 'http://lab.test',
  apiUrl: 'http://lab.test/api/v4'
}

async function createReceiverForTest(
  t: TestContext,
  options: { limits?: Partial<BodyLimits>; connectionLimit?: number; record?: Store['deliveries']['record'] } = {}
) {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-receiver-'))
  const store = await createStore({ url: null, file: join(directory, 'store.sqlite') })
  const notified: RecordedDelivery['outcome'][] = []
  const record = options.record ?? store.deliveries.record
  const app = createReceiver({
    logger: createLogger('test', 'silent'),
    sources: [
      createGitHubWebhooks({ instance: github, secrets: [secret] }),
      createGitLabWebhooks({ instance: gitlab, signingToken: null, token: gitlabToken, now: Date.now })
    ],
    commits: createGroupCommit((batch) => record(batch, null, Date.now()), {
      batchLimit: 200,
      waitingLimit: 2000,
      timeoutMs: 400,
      notify: (outcomes) => notified.push(...outcomes)
    }),
    limits: { ...bodyLimits, ...options.limits },
    connectionLimit: options.connectionLimit ?? 100
  })
  t.after(async () => {
    await app.close()
    await store.close()
    await rm(directory, { recursive: true, force: true })
  })
  const deliveries = () => store.deliveries.list(null, { before: null, limit: 100 })
  const builds = () => store.builds.list(null, {}, { before: null, limit: 100 })
  return { app, store, notified, deliveries, builds }
}

function pushBody(change: Record<string, unknown> = {}): string {
  const owner = { id: 1, login: 'alice', type: 'User' }
  return JSON.stringify({
    ref: 'refs/heads/main',
    before: 'a'.repeat(40),
    after: 'b'.repeat(40),
    created: false,
    deleted: false,
    forced: false,
    head_commit: { id: 'b'.repeat(40), message: 'change' },
    commits: [],
    repository: { id: 7, name: 'shop', full_name: 'alice/shop', private: false, default_branch: 'main', owner },
    pusher: { name: 'alice' },
    sender: owner,
    installation: { id: 3 },
    ...change
  })
}

let deliveryCount = 0

function signed(body: string, change: { headers?: Record<string, string>; url?: string; id?: string } = {}) {
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
  return {
    method: 'POST' as const,
    url: change.url ?? '/webhooks/github',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': change.id ?? `00000000-0000-4000-8000-${String(++deliveryCount).padStart(12, '0')}`,
      'x-hub-signature-256': signature,
      ...change.headers
    },
    payload: body
  }
}

test('a push answers 202 with the build that it queued', async (t) => {
  const { app, builds, notified } = await createReceiverForTest(t)
  const res = await app.inject(signed(pushBody()))
  assert.equal(res.statusCode, 202, res.body)
  const [build] = await builds()
  assert.deepEqual([res.json().code, res.json().buildId, build?.status], ['queued', build?.id, 'queued'])
  assert.equal(notified.length, 1)
})

test('a push of an owner that is not listed or is suspended answers 200 with the reason, once its signature is right', async (t) => {
  const { app, builds, notified, store } = await createReceiverForTest(t)
  await store.owners.setAllowList(['somebody-else'])
  const wrong = signed(pushBody(), { headers: { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` } })
  assert.equal((await app.inject(wrong)).statusCode, 401)
  const unlisted = await app.inject(signed(pushBody(), { headers: { 'x-github-delivery': 'unlisted' } }))
  assert.deepEqual([unlisted.statusCode, unlisted.json().code], [200, 'ignored'])
  assert.match(unlisted.json().message, /not on the allow list/)
  assert.deepEqual([await builds(), await store.owners.list({ before: null, limit: 9 })], [[], []])

  await store.owners.setAllowList(null)
  assert.equal((await app.inject(signed(pushBody(), { headers: { 'x-github-delivery': 'first' } }))).statusCode, 202)
  const [owner] = await store.owners.list({ before: null, limit: 9 })
  await store.owners.setSuspension(owner?.id ?? '', { at: 1, reason: 'the bill' })
  const suspended = await app.inject(signed(pushBody(), { headers: { 'x-github-delivery': 'suspended' } }))
  assert.deepEqual([suspended.statusCode, suspended.json().code], [200, 'skipped'])
  assert.match(suspended.json().message, /suspended the owner: the bill/)
  assert.equal(notified.filter((outcome) => outcome === 'queued').length, 1)
})

test('the paths of OpenFaaS Cloud work', async (t) => {
  const { app } = await createReceiverForTest(t)
  assert.equal((await app.inject(signed(pushBody(), { url: '/github-event' }))).statusCode, 202)
})

test('a wrong, missing or malformed signature answers 401 with the code and records nothing', async (t) => {
  const { app, deliveries } = await createReceiverForTest(t)
  const body = pushBody()
  const right = createHmac('sha256', secret).update(body).digest('hex')
  const wrong = [
    `sha256=${'0'.repeat(64)}`,
    '',
    `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`,
    right,
    `sha256=${right.toUpperCase()}`,
    `sha256=${right}00`,
    'sha256=xyz'
  ]
  for (const signature of wrong) {
    const res = await app.inject(signed(body, { headers: { 'x-hub-signature-256': signature } }))
    assert.deepEqual([res.statusCode, res.json().code], [401, 'invalid-signature'], signature)
  }
  const unsigned = signed(body)
  const { 'x-hub-signature-256': _signature, ...headers } = unsigned.headers
  assert.equal((await app.inject({ ...unsigned, headers })).statusCode, 401)
  assert.deepEqual(await deliveries(), [])
})

test('a signature over other bytes is no signature of these', async (t) => {
  const { app, deliveries } = await createReceiverForTest(t)
  const request = signed(pushBody())
  for (const payload of [
    `${request.payload}\n`,
    `\ufeff${request.payload}`,
    JSON.stringify(JSON.parse(request.payload), null, 1)
  ]) {
    assert.equal((await app.inject({ ...request, payload })).statusCode, 401)
  }
  assert.deepEqual(await deliveries(), [])
})

test('the same delivery five times at once is one build', async (t) => {
  const { app, builds } = await createReceiverForTest(t)
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => app.inject(signed(pushBody(), { id: '00000000-0000-4000-8000-00000000aaaa' })))
  )
  const found = await builds()
  assert.equal(found.length, 1)
  assert.deepEqual(new Set(answers.map((res) => res.json().buildId)), new Set([found[0]?.id]))
  assert.deepEqual(
    answers.map((res) => res.statusCode).sort((a, b) => a - b),
    [200, 200, 200, 200, 202]
  )
})

test('what is skipped deliberately answers 200 with the reason', async (t) => {
  const { app } = await createReceiverForTest(t)
  const branch = await app.inject(signed(pushBody({ ref: 'refs/heads/other' })))
  assert.deepEqual([branch.statusCode, branch.json().code], [200, 'ignored'])
  const skip = await app.inject(signed(pushBody({ head_commit: { id: 'b'.repeat(40), message: 'x [skip ci]' } })))
  assert.deepEqual([skip.statusCode, skip.json().code], [200, 'skipped'])
  assert.match(skip.json().message, /skip ci/)
})

test('a body that is no JSON, or of another shape than the event says, answers 400', async (t) => {
  const { app, deliveries } = await createReceiverForTest(t)
  for (const body of ['not json', '[]', '{}', pushBody({ repository: 'x' }), '['.repeat(100_000)]) {
    const res = await app.inject(signed(body))
    assert.deepEqual([res.statusCode, res.json().code], [400, 'invalid-payload'], body.slice(0, 40))
  }
  assert.deepEqual(await deliveries(), [])
})

test('another content type, or a compressed body, answers 415', async (t) => {
  const { app } = await createReceiverForTest(t)
  const refused: Record<string, string>[] = [
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': 'text/plain' },
    { 'content-encoding': 'gzip' }
  ]
  for (const headers of refused) {
    const res = await app.inject(signed(pushBody(), { headers }))
    assert.deepEqual([res.statusCode, res.json().code], [415, 'unsupported-media-type'], JSON.stringify(headers))
  }
})

test('a body over the limit answers 413, announced or not', async (t) => {
  const { app } = await createReceiverForTest(t, { limits: { bodyBytes: 2000 } })
  const res = await app.inject(signed(pushBody({ filler: 'x'.repeat(3000) })))
  assert.deepEqual([res.statusCode, res.json().code], [413, 'payload-too-large'])

  const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
  const answer = await raw(Number(port), (write) => {
    write(
      'POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'
    )
    for (let i = 0; i < 10; i++) write(`400\r\n${'x'.repeat(1024)}\r\n`)
  })
  assert.match(answer, /^HTTP\/1.1 413/)
})

test('large bodies share a budget, beyond it the forge is asked to come back', async (t) => {
  const { app } = await createReceiverForTest(t, { limits: { largeBytes: 1000, budgetBytes: 2000 } })
  const res = await app.inject(signed(pushBody({ filler: 'x'.repeat(4000) })))
  assert.equal(res.statusCode, 503)
  assert.ok(Number(res.headers['retry-after']) > 0)
  const next = await app.inject(signed(pushBody({ filler: 'x'.repeat(600) })))
  assert.equal(next.statusCode, 202, 'the budget is free again')
})

test('a body that comes too slowly is given up with 408', async (t) => {
  const { app } = await createReceiverForTest(t, { limits: { timeoutMs: 100 } })
  const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
  const answer = await raw(Number(port), (write) => {
    write(
      'POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{'
    )
  })
  assert.match(answer, /^(HTTP\/1.1 408|$)/)
})

test('connections beyond the limit are closed as they come, and taken again when others have ended', async (t) => {
  const { app } = await createReceiverForTest(t, { connectionLimit: 2 })
  const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
  const ask = (write: (text: string) => void) => write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  const held = [connect({ host: '127.0.0.1', port: Number(port) }), connect({ host: '127.0.0.1', port: Number(port) })]
  await Promise.all(held.map((socket) => once(socket, 'connect')))
  assert.equal(await raw(Number(port), ask), '')
  for (const socket of held) socket.destroy()
  let answer = ''
  for (const deadline = Date.now() + 20_000; answer === '' && Date.now() < deadline; )
    answer = await raw(Number(port), ask)
  assert.match(answer, /^HTTP\/1.1 200/)
})

test('with the store away the answer is 503 in well under a second', async (t) => {
  const cases: Store['deliveries']['record'][] = [
    () => Promise.reject(new Failure('unavailable', 'the database does not answer')),
    () => new Promise(() => {})
  ]
  for (const record of cases) {
    const { app, notified } = await createReceiverForTest(t, { record })
    const startedAt = Date.now()
    const res = await app.inject(signed(pushBody()))
    assert.deepEqual([res.statusCode, res.json().code], [503, 'unavailable'])
    assert.ok(Date.now() - startedAt < 900)
    assert.deepEqual(notified, [])
  }
})

test('a delivery that cannot be recorded does not take its neighbours with it', async (t) => {
  const recorded: RecordedDelivery = { outcome: 'queued', reason: null, buildId: 'b' }
  const record: Store['deliveries']['record'] = async (batch) => {
    if (batch.some(({ delivery }) => delivery.deliveryId?.endsWith('bad'))) throw new TypeError('a bug')
    return batch.map(() => recorded)
  }
  const { app } = await createReceiverForTest(t, { record })
  const ids = [
    '00000000-0000-4000-8000-000000000001',
    '00000000-0000-4000-8000-000000000bad',
    '00000000-0000-4000-8000-000000000002'
  ]
  const answers = await Promise.all(ids.map((id) => app.inject(signed(pushBody(), { id }))))
  assert.deepEqual(
    answers.map((res) => res.statusCode),
    [202, 500, 202]
  )
})

test('a GitLab push is queued before its owner is known', async (t) => {
  const { app, builds } = await createReceiverForTest(t)
  const payload = JSON.stringify({
    object_kind: 'push',
    event_name: 'push',
    before: 'a'.repeat(40),
    after: 'b'.repeat(40),
    ref: 'refs/heads/main',
    checkout_sha: 'b'.repeat(40),
    message: null,
    user_id: 4,
    user_name: 'Alice',
    user_username: 'alice',
    project_id: 15,
    project: {
      id: 15,
      name: 'Shop',
      web_url: 'http://lab.test/group/shop',
      namespace: 'Group',
      visibility_level: 0,
      path_with_namespace: 'group/shop',
      default_branch: 'main'
    },
    commits: [{ id: 'b'.repeat(40), message: 'change' }],
    total_commits_count: 1
  })
  const headers = {
    'content-type': 'application/json',
    'x-gitlab-event': 'Push Hook',
    'x-gitlab-token': gitlabToken,
    'idempotency-key': 'one'
  }
  const res = await app.inject({ method: 'POST', url: '/webhooks/gitlab', headers, payload })
  assert.equal(res.statusCode, 202, res.body)
  const [build] = await builds()
  assert.deepEqual([build?.ownerId, build?.commit], [null, 'b'.repeat(40)])
  const refused = await app.inject({
    method: 'POST',
    url: '/webhooks/gitlab',
    headers: { ...headers, 'x-gitlab-token': 'wrong' },
    payload
  })
  assert.equal(refused.statusCode, 401)
})

test('health is told without a signature, readiness by what is needed', async (t) => {
  const { app } = await createReceiverForTest(t)
  assert.equal((await app.inject('/healthz')).statusCode, 200)
  assert.equal((await app.inject('/readyz')).statusCode, 200)
  assert.equal((await app.inject('/webhooks/other')).statusCode, 404)
})

/** Speaks HTTP by hand; resolves with what came back once the server closes. */
function raw(port: number, talk: (write: (text: string) => void) => void): Promise<string> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect({ host: '127.0.0.1', port })
    socket.on('data', (data) => {
      answer += data.toString()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
    talk((text) => socket.write(text))
  })
}
