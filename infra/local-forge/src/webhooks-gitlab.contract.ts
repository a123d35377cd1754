import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { openApiValidator } from '@slipway/forge/contract'
import { createWorkingCopy, startGitLab, startReceiver } from './local-forge.fixture.ts'

const zero = '0'.repeat(40)
const key = Buffer.alloc(32, 7)
const signingToken = `whsec_${key.toString('base64')}`

type Json = Record<string, unknown>

/** https://docs.gitlab.com/user/project/integrations/webhook_events/#push-events */
const documented = [
  'object_kind',
  'event_name',
  'before',
  'after',
  'ref',
  'ref_protected',
  'checkout_sha',
  'message',
  'user_id',
  'user_name',
  'user_username',
  'user_email',
  'user_avatar',
  'project_id',
  'project',
  'commits',
  'total_commits_count',
  'push_options',
  'repository'
].toSorted()

test('a push is told in GitLab’s form and signed over id, timestamp and body', async (t) => {
  const receiver = await startReceiver(t)
  const forge = await startGitLab(t, { webhook: { url: receiver.url, signingToken } })
  const copy = await createWorkingCopy(t)
  const { id, cloneUrl } = await forge.createRepository({ owner: 'acme/tools', name: 'hello', isPrivate: true })
  const commit = await copy.commit('first line\n\nthe rest')
  await copy.git('push', '--quiet', cloneUrl, 'main')
  await forge.settled()

  const [delivery] = receiver.received
  assert.ok(delivery)
  const { headers, body, json } = delivery
  assert.equal(headers['x-gitlab-event'], 'Push Hook')
  assert.equal(headers['idempotency-key'], headers['webhook-id'])
  assert.match(String(headers['x-gitlab-event-uuid']), /^[0-9a-f-]{36}$/)
  assert.equal(headers['x-gitlab-token'], undefined)
  const content = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body.toString()}`
  assert.equal(headers['webhook-signature'], `v1,${createHmac('sha256', key).update(content).digest('base64')}`)
  assert.ok(Math.abs(Number(headers['webhook-timestamp']) - Date.now() / 1000) < 60)

  assert.deepEqual(Object.keys(json).toSorted(), documented)
  assert.deepEqual([json.before, json.after, json.checkout_sha, json.ref], [zero, commit, commit, 'refs/heads/main'])
  assert.equal(json.user_id, forge.developer.id)
  assert.equal(json.user_username, 'developer')
  const project = json.project as Json
  assert.deepEqual([json.project_id, project.id, project.path_with_namespace], [id, id, 'acme/tools/hello'])
  assert.deepEqual([project.visibility_level, project.default_branch], [0, 'main'])
  const [told] = json.commits as Json[]
  assert.deepEqual([told?.id, told?.title, told?.message], [commit, 'first line', 'first line\n\nthe rest'])
})

test('without a signing token the plain token is sent, and neither where neither is set', async (t) => {
  const receiver = await startReceiver(t)
  const forge = await startGitLab(t, { webhook: { url: receiver.url, token: 'plain' } })
  const copy = await createWorkingCopy(t)
  const { cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: true })
  await copy.commit('first')
  await copy.git('push', '--quiet', cloneUrl, 'main')
  await forge.settled()
  forge.setWebhook({ url: receiver.url })
  await copy.commit('second')
  await copy.git('push', '--quiet', cloneUrl, 'main')
  await forge.settled()
  const [plain, bare] = receiver.received.map(({ headers }) => headers)
  assert.equal(plain?.['x-gitlab-token'], 'plain')
  assert.equal(plain?.['webhook-signature'], undefined)
  assert.equal(bare?.['x-gitlab-token'], undefined)
  assert.match(String(bare?.['webhook-id']), /^[0-9a-f-]{36}$/)
})

test('a push of many commits names the last twenty and counts them all', async (t) => {
  const receiver = await startReceiver(t)
  const forge = await startGitLab(t, { webhook: { url: receiver.url, signingToken } })
  const copy = await createWorkingCopy(t)
  const { cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: true })
  for (let i = 1; i <= 23; i++) await copy.commit(`commit ${i}`)
  await copy.git('push', '--quiet', cloneUrl, 'main')
  await forge.settled()
  const json = receiver.received[0]?.json ?? {}
  const titles = (json.commits as Json[]).map(({ title }) => title)
  assert.equal(json.total_commits_count, 23)
  assert.deepEqual([titles.length, titles[0], titles.at(-1)], [20, 'commit 4', 'commit 23'])
})

test('a tag has a hook of its own, a deleted branch has no commit to check out', async (t) => {
  const receiver = await startReceiver(t)
  const forge = await startGitLab(t, { webhook: { url: receiver.url, signingToken } })
  const copy = await createWorkingCopy(t)
  const { cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: true })
  const commit = await copy.commit('first')
  await copy.git('tag', '--annotate', 'v1', '--message', 'version one')
  const tag = await copy.git('rev-parse', 'v1')
  await copy.git('push', '--quiet', cloneUrl, 'main:side')
  await copy.git('push', '--quiet', cloneUrl, 'v1')
  await copy.git('push', '--quiet', cloneUrl, ':side')
  await forge.settled()
  const [, tagged, deleted] = receiver.received
  assert.equal(tagged?.headers['x-gitlab-event'], 'Tag Push Hook')
  const { object_kind: kind, after, checkout_sha: checkout, message } = tagged?.json ?? {}
  assert.deepEqual(
    { kind, after, checkout, message },
    { kind: 'tag_push', after: tag, checkout: commit, message: 'version one' }
  )
  assert.equal(deleted?.headers['x-gitlab-event'], 'Push Hook')
  assert.deepEqual([deleted?.json.before, deleted?.json.after, deleted?.json.checkout_sha], [commit, zero, null])
})

test('a redelivery keeps its idempotency key and is signed for the time at which it is sent', async (t) => {
  const receiver = await startReceiver(t)
  let at = Date.now()
  const forge = await startGitLab(t, { webhook: { url: receiver.url, signingToken }, now: () => at })
  const copy = await createWorkingCopy(t)
  const { cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: true })
  await copy.commit('first')
  await copy.git('push', '--quiet', cloneUrl, 'main')
  await forge.settled()
  at += 600_000
  await forge.redeliver(forge.deliveries()[0]?.id ?? 0)
  const [first, again] = receiver.received
  assert.ok(first && again)
  assert.deepEqual(again.body, first.body)
  assert.equal(again.headers['idempotency-key'], first.headers['idempotency-key'])
  assert.equal(Number(again.headers['webhook-timestamp']), Number(first.headers['webhook-timestamp']) + 600)
  const content = `${String(again.headers['webhook-id'])}.${String(again.headers['webhook-timestamp'])}.${again.body.toString()}`
  assert.equal(again.headers['webhook-signature'], `v1,${createHmac('sha256', key).update(content).digest('base64')}`)
})

test('a project’s hook is made by the API, told of what it asks for, tested, changed and removed', async (t) => {
  const published = openApiValidator('gitlab')
  const receiver = await startReceiver(t)
  const forge = await startGitLab(t)
  const copy = await createWorkingCopy(t)
  const { id, cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'hooked', isPrivate: true })
  const hooks = `/projects/${id}/hooks`
  const call = async (method: string, path: string, body?: Json) => {
    published.checkRequest(method, path, body)
    const response = await fetch(forge.apiUrl + path, {
      method,
      headers: { 'private-token': forge.accessToken, 'content-type': 'application/json' },
      ...(method === 'GET' || method === 'DELETE' ? { headers: { 'private-token': forge.accessToken } } : {}),
      ...(body === undefined ? (method === 'POST' ? { body: '{}' } : {}) : { body: JSON.stringify(body) })
    })
    const text = await response.text()
    const answer = text === '' ? undefined : (JSON.parse(text) as Json)
    published.checkResponse(method, path, response.status, answer)
    return { status: response.status, answer: answer ?? {} }
  }
  const wanted = { url: receiver.url, push_events: true, tag_push_events: false, signing_token: signingToken }
  const { answer: made } = await call('POST', hooks, wanted)
  assert.deepEqual([made.signing_token_present, made.tag_push_events, made.project_id], [true, false, id])
  assert.ok(!JSON.stringify(made).includes(signingToken))
  const test = `${hooks}/${String(made.id)}/test/push_events`
  const empty = await call('POST', test)
  assert.deepEqual([empty.status, /at least one commit/.test(JSON.stringify(empty.answer))], [422, true])

  await copy.commit('first')
  await copy.git('tag', 'v1')
  await copy.git('push', '--quiet', cloneUrl, 'main', 'v1')
  await forge.settled()
  assert.deepEqual(
    receiver.received.map(({ headers }) => headers['x-gitlab-event']),
    ['Push Hook']
  )
  assert.equal((await call('POST', test)).status, 201)
  assert.equal(receiver.received.length, 2)

  const { answer: changed } = await call('PUT', `${hooks}/${String(made.id)}`, { ...wanted, tag_push_events: true })
  assert.equal(changed.tag_push_events, true)
  assert.equal((await call('DELETE', `${hooks}/${String(made.id)}`)).status, 204)
  assert.equal((await call('POST', test)).status, 404)
})
