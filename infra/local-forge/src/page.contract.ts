import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWorkingCopy, startGitHub, startGitLab, startReceiver } from './local-forge.fixture.ts'

const hostile = `<script>alert('x')</script> & "more"`
const escaped = '&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;more&quot;'

test('the first page shows repositories, what stands on their heads, and deliveries with their answers', async (t) => {
  const receiver = await startReceiver(t)
  const forge = await startGitHub(t, { webhook: { url: receiver.url, secret: 'sixteen characters' } })
  const copy = await createWorkingCopy(t)
  const empty = await (await fetch(forge.url)).text()
  assert.match(empty, /None was created yet/)
  const { cloneUrl } = await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: true })
  receiver.answer.status = 401
  const commit = await copy.commit(hostile)
  await copy.git('push', '--quiet', cloneUrl, 'main')
  await forge.settled()
  const headers = { authorization: `Bearer ${forge.developer.token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({
    state: 'pending',
    context: 'slipway/stack',
    description: hostile,
    target_url: 'http://127.0.0.1/builds/1'
  })
  await fetch(`${forge.apiUrl}/repos/acme/hello/statuses/${commit}`, { method: 'POST', headers, body })

  const response = await fetch(forge.url)
  const page = await response.text()
  assert.match(response.headers.get('content-type') ?? '', /^text\/html; charset=utf-8/)
  assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/)
  assert.match(page, /no production git host/)
  assert.ok(page.includes(escaped))
  assert.match(page, /href="\/acme\/hello"/)
  assert.match(page, /pending<\/span> slipway\/stack/)
  assert.match(page, /failed<\/span> 401/)
  assert.ok(!page.includes('<script'))
  assert.ok(!page.includes(forge.developer.token))
})

test('the pages of a repository, a commit and a delivery escape what a stranger wrote', async (t) => {
  const receiver = await startReceiver(t)
  const forge = await startGitLab(t, { webhook: { url: receiver.url, token: 'the-plain-token' } })
  const copy = await createWorkingCopy(t)
  const { id, cloneUrl, pageUrl } = await forge.createRepository({
    owner: 'acme/tools',
    name: 'hello',
    isPrivate: true
  })
  await copy.git('config', 'user.name', hostile)
  const commit = await copy.commit(`${hostile}\n\n${hostile}`)
  await copy.git('push', '--quiet', cloneUrl, 'main', "main:refs/heads/it's<b>")
  await forge.settled()
  const headers = { 'private-token': forge.accessToken, 'content-type': 'application/json' }
  const body = JSON.stringify({
    state: 'failed',
    name: hostile,
    description: hostile,
    target_url: 'http://127.0.0.1/?a="><b>'
  })
  const made = await fetch(`${forge.apiUrl}/projects/${id}/statuses/${commit}`, { method: 'POST', headers, body })
  assert.equal(made.status, 201)

  const delivery = forge.deliveries()[0]?.id
  const paths = [
    pageUrl,
    `${pageUrl}/-/commit/${commit}`,
    `${pageUrl}/commit/${commit}`,
    `${forge.url}/-/deliveries/${delivery}`
  ]
  for (const path of paths) {
    const response = await fetch(path)
    const page = await response.text()
    assert.equal(response.status, 200, path)
    assert.ok(page.includes('&lt;script&gt;'), path)
    assert.ok(!/<script|<b>|"><b/.test(page), path)
    assert.ok(!page.includes('the-plain-token'), path)
  }
})

test('what is not there is a page too, with 404', async (t) => {
  const forge = await startGitHub(t)
  await forge.createRepository({ owner: 'acme', name: 'hello', isPrivate: false })
  for (const path of ['/acme/none', '/acme', '/acme/hello/commit/' + '1'.repeat(40), '/-/deliveries/1', '/<script>']) {
    const response = await fetch(forge.url + path)
    assert.equal(response.status, 404, path)
    assert.match(await response.text(), /Nothing is here/)
  }
  assert.equal((await fetch(`${forge.url}/-/style.css`)).headers.get('content-type'), 'text/css; charset=utf-8')
})
