import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openApiValidator } from '@slipway/forge/contract'
import type { GitLabLocalForge } from './index.ts'
import { createWorkingCopy, startGitLab } from './local-forge.fixture.ts'

type Json = Record<string, unknown>
const published = openApiValidator('gitlab')

/** A call whose answer must be what GitLab's published OpenAPI document says. */
async function call(forge: GitLabLocalForge, token: string | null, method: string, path: string, body?: Json) {
  const response = await fetch(forge.apiUrl + path, {
    method,
    headers: {
      ...(token === null ? {} : { 'private-token': token }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' })
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  const answer = (await response.json()) as Json
  published.checkResponse(method, path, response.status, answer)
  return { status: response.status, answer }
}

async function startWithCommit(t: TestContext) {
  const forge = await startGitLab(t)
  const copy = await createWorkingCopy(t)
  const repository = await forge.createRepository({ owner: 'acme/tools', name: 'hello', isPrivate: true })
  const commit = await copy.commit('first')
  await copy.git('push', '--quiet', repository.cloneUrl, 'main')
  await forge.settled()
  return { forge, copy, repository, commit }
}

test('a project is answered by id and by path, with the group that it belongs to', async (t) => {
  const { forge, repository } = await startWithCommit(t)
  const byId = await call(forge, forge.accessToken, 'GET', `/projects/${repository.id}`)
  const byPath = await call(forge, forge.accessToken, 'GET', '/projects/acme%2Ftools%2Fhello')
  assert.deepEqual(byPath.answer, byId.answer)
  const { id, path_with_namespace: path, visibility, namespace } = byId.answer
  assert.deepEqual([id, path, visibility], [repository.id, 'acme/tools/hello', 'private'])
  const { id: groupId, parent_id: parentId, full_path: groupPath } = namespace as Json
  assert.equal(groupPath, 'acme/tools')
  const parent = await call(forge, forge.accessToken, 'GET', `/groups/${String(parentId)}`)
  assert.equal(parent.answer.full_path, 'acme')
  const inner = await call(forge, forge.accessToken, 'GET', '/namespaces/acme%2Ftools')
  assert.deepEqual([inner.answer.id, inner.answer.kind, inner.answer.parent_id], [groupId, 'group', parentId])
  assert.equal((await call(forge, forge.accessToken, 'GET', '/groups/none')).status, 404)
})

test('a user’s namespace has another id than the user', async (t) => {
  const forge = await startGitLab(t)
  await forge.createRepository({ owner: 'developer', name: 'mine', isPrivate: true })
  const namespace = await call(forge, forge.accessToken, 'GET', '/namespaces/developer')
  assert.deepEqual([namespace.answer.kind, namespace.answer.full_path], ['user', 'developer'])
  assert.notEqual(namespace.answer.id, forge.developer.id)
  assert.equal((await call(forge, forge.accessToken, 'GET', `/groups/${String(namespace.answer.id)}`)).status, 404)
})

test('a token of another project sees nothing, a wrong one is told so, both ways of sending it work', async (t) => {
  const { forge, repository } = await startWithCommit(t)
  const other = await forge.createRepository({ owner: 'acme', name: 'other', isPrivate: true })
  const path = `/projects/${repository.id}`
  assert.equal((await call(forge, forge.createProjectToken(other.id), 'GET', path)).status, 404)
  assert.equal((await call(forge, null, 'GET', path)).status, 404)
  assert.equal((await call(forge, 'glpat-guessed', 'GET', path)).status, 401)
  const own = forge.createProjectToken(repository.id)
  assert.equal((await call(forge, own, 'GET', path)).status, 200)
  const bearer = await fetch(forge.apiUrl + path, { headers: { authorization: `Bearer ${own}` } })
  assert.equal(bearer.status, 200)
  const reader = forge.createProjectToken(repository.id, { scope: 'read_repository' })
  assert.equal((await call(forge, reader, 'GET', path)).status, 403)
})

test('a branch names its head, a slash in it included', async (t) => {
  const { forge, copy, repository, commit } = await startWithCommit(t)
  await copy.git('push', '--quiet', repository.cloneUrl, 'main:feature/x')
  const branches = `/projects/${repository.id}/repository/branches`
  const main = await call(forge, forge.accessToken, 'GET', `${branches}/main`)
  assert.deepEqual([(main.answer.commit as Json).id, main.answer.default], [commit, true])
  const feature = await call(forge, forge.accessToken, 'GET', `${branches}/feature%2Fx`)
  assert.deepEqual([(feature.answer.commit as Json).id, feature.answer.default], [commit, false])
  assert.equal((await call(forge, forge.accessToken, 'GET', `${branches}/none`)).status, 404)
})

test('a status goes from pending to running to success in one pipeline', async (t) => {
  const { forge, repository, commit } = await startWithCommit(t)
  const path = `/projects/${repository.id}/statuses/${commit}`
  const send = (body: Json) =>
    call(forge, forge.accessToken, 'POST', path, { name: 'slipway/stack', ref: 'main', ...body })
  const pending = await send({ state: 'pending' })
  const pipeline = pending.answer.pipeline_id
  assert.equal(pending.status, 201)
  assert.ok(Number.isInteger(pipeline))
  const running = await send({ state: 'running', pipeline_id: pipeline, description: 'building' })
  const other = await send({ state: 'pending', name: 'slipway/api', pipeline_id: pipeline })
  const success = await send({
    state: 'success',
    pipeline_id: pipeline,
    target_url: 'http://127.0.0.1/x',
    description: 'live'
  })
  assert.deepEqual([running.answer.id, success.answer.id], [pending.answer.id, pending.answer.id])
  assert.equal(other.answer.pipeline_id, pipeline)
  assert.ok(success.answer.started_at && success.answer.finished_at)
  const statuses = forge
    .statuses(repository.id, commit)
    .map(({ context, state, description }) => [context, state, description])
  assert.deepEqual(statuses, [
    ['slipway/stack', 'success', 'live'],
    ['slipway/api', 'pending', '']
  ])
})

test('a repeated state cannot be transitioned to, and one that has ended is followed by a new one', async (t) => {
  const { forge, repository, commit } = await startWithCommit(t)
  const path = `/projects/${repository.id}/statuses/${commit}`
  const send = (state: string) =>
    call(forge, forge.accessToken, 'POST', path, { name: 'slipway/stack', ref: 'main', state })
  await send('pending')
  const repeated = await send('pending')
  assert.equal(repeated.status, 400)
  assert.equal(
    repeated.answer.message,
    'Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via "enqueue")'
  )
  await send('running')
  assert.match(String((await send('running')).answer.message), /^Cannot transition status via :run from :running/)
  assert.match(String((await send('pending')).answer.message), /^Cannot transition status via :enqueue from :running/)
  const failed = await send('failed')
  const again = await send('failed')
  assert.deepEqual([failed.status, again.status], [201, 201])
  assert.notEqual(again.answer.id, failed.answer.id)
  const list = async (query: string) => {
    const listPath = `/projects/${repository.id}/repository/commits/${commit}/statuses${query}`
    return (await call(forge, forge.accessToken, 'GET', listPath)).answer as unknown as Json[]
  }
  assert.deepEqual(
    (await list('')).map(({ id }) => id),
    [again.answer.id]
  )
  assert.equal((await list('?all=true')).length, 2)
})

test('what GitLab refuses of a status is refused', async (t) => {
  const { forge, repository, commit } = await startWithCommit(t)
  const send = (sha: string, body: Json) =>
    call(forge, forge.accessToken, 'POST', `/projects/${repository.id}/statuses/${sha}`, body)
  assert.equal((await send(commit, {})).status, 400)
  assert.equal((await send(commit, { state: 'live' })).status, 400)
  assert.equal((await send(commit, { state: 'success', description: 'x'.repeat(256) })).status, 400)
  assert.equal((await send(commit, { state: 'success', target_url: 'javascript:alert(1)' })).status, 400)
  assert.equal((await send(commit, { state: 'success', pipeline_id: 1 })).status, 404)
  assert.equal((await send(`${'0'.repeat(39)}1`, { state: 'success' })).status, 404)
  const reader = forge.createProjectToken(repository.id, { scope: 'read_repository' })
  const path = `/projects/${repository.id}/statuses/${commit}`
  assert.equal((await call(forge, reader, 'POST', path, { state: 'success' })).status, 403)
  assert.deepEqual(forge.statuses(repository.id, commit), [])
})

test('parameters may stand in the query or in a form', async (t) => {
  const { forge, repository, commit } = await startWithCommit(t)
  const path = `${forge.apiUrl}/projects/${repository.id}/statuses/${commit}`
  const headers = { 'private-token': forge.accessToken }
  const query = await fetch(`${path}?state=pending&name=a`, { method: 'POST', headers })
  assert.equal(query.status, 201)
  const { pipeline_id: pipeline } = (await query.json()) as Json
  const form = new URLSearchParams({ state: 'running', name: 'a', pipeline_id: String(pipeline) })
  assert.equal((await fetch(path, { method: 'POST', headers, body: form })).status, 201)
  assert.deepEqual(
    forge.statuses(repository.id, commit).map(({ state }) => state),
    ['running']
  )
})

test('a developer creates a project over REST', async (t) => {
  const forge = await startGitLab(t)
  const response = await fetch(`${forge.apiUrl}/projects`, {
    method: 'POST',
    headers: { 'private-token': forge.developer.token, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'hello', visibility: 'public', default_branch: 'trunk' })
  })
  assert.equal(response.status, 201)
  const { fullName, isPrivate, defaultBranch } = forge.repository('developer/hello')
  assert.deepEqual([fullName, isPrivate, defaultBranch], ['developer/hello', false, 'trunk'])
})

test('hooks of a project are listed to who may change it', async (t) => {
  const { forge, repository } = await startWithCommit(t)
  const path = `/projects/${repository.id}/hooks`
  forge.setWebhook({ url: 'http://127.0.0.1:9/webhooks/gitlab', token: 'x' })
  forge.addWebhook({ url: 'http://127.0.0.1:9/other', token: 'x', repositoryId: repository.id + 1 })
  const { answer } = await call(forge, forge.accessToken, 'GET', path)
  const urls = (answer as unknown as Json[]).map(({ url }) => url)
  assert.deepEqual(urls, ['http://127.0.0.1:9/webhooks/gitlab'])
  const reader = forge.createProjectToken(repository.id, { scope: 'read_repository' })
  assert.equal((await call(forge, reader, 'GET', path)).status, 403)
  forge.removeWebhooks()
  assert.deepEqual((await call(forge, forge.accessToken, 'GET', path)).answer, [])
})
