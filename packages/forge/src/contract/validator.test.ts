import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openApiValidator } from './index.ts'

const github = openApiValidator('github')
const gitlab = openApiValidator('gitlab')
const commit = 'a'.repeat(40)
const runs = '/repos/octocat/hello/check-runs'

test('a call as it is documented holds', () => {
  github.checkRequest('POST', runs, {
    name: 'x',
    head_sha: commit,
    status: 'queued',
    output: { title: 'a', summary: 'b' }
  })
  github.checkRequest('GET', '/installation/repositories?per_page=100&page=2')
  github.checkRequest('GET', '/repositories/42')
  github.checkRequest('GET', '/repos/octocat/hello/git/ref/heads/feature/x')
  gitlab.checkRequest('POST', `/projects/42/statuses/${commit}`, { state: 'pending', name: 'x', ref: 'feature/x' })
  gitlab.checkRequest('GET', '/groups/a%2Fb?with_projects=false')
  github.checkResponse('GET', '/app/installations/1', 404, { message: 'Not Found' })
  github.checkResponse('GET', '/app/installations/1', 503, { message: 'Unavailable' })
})

test('a call that is not documented, or not like this, deviates and says where', () => {
  const cases: [typeof github, string, string, unknown, RegExp][] = [
    [github, 'GET', '/nowhere', null, /no such call/],
    [github, 'DELETE', runs, null, /no such call/],
    [github, 'POST', runs, null, /body is missing/],
    [github, 'POST', runs, { name: 5, head_sha: commit }, /\/name must be string/],
    [github, 'POST', runs, { name: 'x', headSha: commit }, /head_sha.*headSha/],
    [github, 'POST', runs, { name: 'x', head_sha: commit, status: 'done' }, /queued, in_progress, completed/],
    [github, 'POST', runs, { name: 'x', head_sha: commit, output: { title: 'a', summary: 'b', txt: 'c' } }, /txt/],
    [github, 'PATCH', `${runs}/x`, {}, /check_run_id/],
    [github, 'GET', '/installation/repositories?per_page=all', null, /per_page/],
    [github, 'GET', '/installation/repositories?perPage=1', null, /no query parameter perPage/],
    [github, 'GET', '/repositories/42', {}, /takes no body/],
    [gitlab, 'POST', `/projects/42/statuses/${commit}`, { state: 'queued' }, /pending, running/],
    [gitlab, 'POST', `/projects/42/statuses/${commit}`, { state: 'pending', ref: 'refs/heads/main' }, /\/ref/],
    [gitlab, 'POST', '/projects/42/statuses/main', { state: 'pending' }, /sha/]
  ]
  for (const [validator, method, path, body, says] of cases) {
    assert.throws(() => validator.checkRequest(method, path, body), says, `${method} ${path}`)
  }
})

test('only a conditional GET may be unchanged, and without a body', () => {
  const head = '/repos/octocat/hello/git/ref/heads/main'
  github.checkResponse('GET', head, 304, undefined, true)
  gitlab.checkResponse('GET', '/projects/42/repository/branches/main', 304, null, true)
  assert.throws(() => github.checkResponse('GET', head, 304), /nobody said/)
  assert.throws(() => github.checkResponse('GET', head, 304, { message: 'x' }, true), /no body/)
  assert.throws(() => github.checkResponse('POST', runs, 304, undefined, true), /only a GET/)
  assert.throws(() => github.checkResponse('GET', '/nowhere', 304, undefined, true), /no such call/)
})

test('the list of deliveries, one of them, and hooks deviate when they are not as documented', () => {
  const item = { id: 1, guid: 'x', delivered_at: '2026-01-02T03:04:05Z', redelivery: false, duration: 0.1 }
  const rest = { status: 'OK', status_code: 200, event: 'push', action: null, installation_id: 1, repository_id: 2 }
  github.checkRequest('GET', '/app/hook/deliveries?per_page=100&status=failure&cursor=v1_5')
  github.checkResponse('GET', '/app/hook/deliveries', 200, [{ ...item, ...rest }])
  const asked = () => github.checkRequest('GET', '/app/hook/deliveries?status=lost')
  assert.throws(asked, /success, failure/)
  const answered = () => github.checkResponse('GET', '/app/hook/deliveries', 200, [{ ...item, ...rest, guid: 7 }])
  assert.throws(answered, /guid must be string/)
  const one = () => github.checkResponse('GET', '/app/hook/deliveries/1', 200, { ...item, ...rest })
  assert.throws(one, /request/)
  gitlab.checkRequest('GET', '/projects/42/hooks?per_page=100')
  assert.throws(() => gitlab.checkResponse('GET', '/projects/42/hooks', 200, [{ id: 1, url: 'x' }]), /project_id/)
})

test('an answer that is not documented, or not like this, deviates and says where', () => {
  assert.throws(() => github.checkResponse('GET', '/app/installations/1', 204), /204 deviates.*not documented/)
  assert.throws(() => github.checkResponse('GET', '/app/installations/1', 500, 'oops'), /not documented/)
  assert.throws(() => github.checkResponse('POST', runs, 201, { id: '5' }), /\/id must be integer/)
  assert.throws(() => gitlab.checkResponse('GET', '/groups/a', 200, { id: 5 }), /full_path/)
  const user = { login: 'octocat', id: 1 }
  assert.throws(() => github.checkResponse('POST', `/repos/a/b/statuses/${commit}`, 201, { creator: user }), /node_id/)
})
