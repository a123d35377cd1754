import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApiForTest } from './api.fixture.ts'

const navigation = { accept: 'text/html,application/xhtml+xml' }

test('every address of the page answers with its document, which nobody keeps and which runs no inline script', async (t) => {
  const { app } = await createApiForTest(t)
  for (const url of ['/', '/owners/alice', '/builds/1?x=y', '/sign-in']) {
    const { statusCode, headers, body } = await app.inject({ url, headers: navigation })
    assert.equal(statusCode, 200)
    assert.match(body, /<title>Slipway/)
    assert.equal(headers['cache-control'], 'no-store')
    assert.match(String(headers['content-security-policy']), /default-src 'self'/)
    assert.doesNotMatch(String(headers['content-security-policy']), /unsafe/)
  }
})

test('the files of the page may be kept for ever: their names change with their content', async (t) => {
  const { app } = await createApiForTest(t)
  const { statusCode, headers } = await app.inject({ url: '/assets/main-abc.js' })
  assert.equal(statusCode, 200)
  assert.match(String(headers['cache-control']), /immutable/)
  assert.match(String(headers['content-type']), /javascript/)
})

test('what is not the page is never answered with it, however it is written', async (t) => {
  const { app } = await createApiForTest(t)
  const others = ['/api/v1/nothing', '/api', '/auth/x', '/badge/a', '/webhooks/github', '/assets/none.js', '/metrics']
  const tricks = ['/assets/..%2findex.html', '/assets/%2e%2e%2f%2e%2e%2fpackage.json', '//api/v1/builds']
  for (const url of [...others, ...tricks]) {
    const { statusCode, body } = await app.inject({ url, headers: navigation })
    assert.notEqual(statusCode, 500, url)
    if (url !== '//api/v1/builds') assert.doesNotMatch(body, /<title>Slipway/, url)
  }
  const asked = await app.inject({ url: '/owners/alice', headers: { accept: 'application/json' } })
  assert.equal(asked.statusCode, 404)
  const posted = await app.inject({ method: 'POST', url: '/owners/alice', headers: navigation })
  assert.doesNotMatch(posted.body, /<title>Slipway/)
})
