import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApiForTest } from '../api.fixture.ts'
import { type ApiDocument, readDocument } from './document.ts'
import { apiPage } from './page.ts'

test('people read at /docs every call that programs read of in the document, without a script', async (t) => {
  const { app } = await createApiForTest(t)
  const document = (await app.inject('/api/v1/openapi.json')).json<ApiDocument>()
  const answer = await app.inject('/docs')
  assert.equal(answer.statusCode, 200)
  const policy = String(answer.headers['content-security-policy'])
  assert.match(policy, /^default-src 'none'; style-src 'sha256-[^']+'/)
  assert.doesNotMatch(policy, /unsafe|script/)
  for (const part of ['<script', ' src=', 'url(', '@import', 'style=']) assert.ok(!answer.body.includes(part), part)
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const { summary } of Object.values(operations)) {
      if (summary === 'A page of the door') continue
      assert.ok(answer.body.includes(`<code>${path.replaceAll(/\{(\w+)\}/g, ':$1')}</code>`), path)
    }
  }
})

test('a call is told with its query, its body and what it answers, in words', async (t) => {
  const { app } = await createApiForTest(t)
  const { sections, things } = readDocument((await app.inject('/api/v1/openapi.json')).json<ApiDocument>())
  const calls = sections.flatMap(({ calls: ofSection }) => ofSection)
  const list = calls.find(({ method, path }) => method === 'GET' && path === '/api/v1/builds')
  assert.deepEqual(
    list?.query.find(({ name }) => name === 'limit'),
    { name: 'limit', type: 'integer', isRequired: false, about: '1 to 200, default 50' }
  )
  assert.equal(list?.answer, '{ items: list of Build, next: text or null }')
  const create = calls.find(({ path, method }) => method === 'POST' && path.endsWith('/tokens'))
  assert.deepEqual(
    create?.body.map(({ name, isRequired }) => [name, isRequired]),
    [
      ['name', true],
      ['scope', true],
      ['expiresInDays', false]
    ]
  )
  assert.ok(things.some(({ name }) => name === 'Build'))
  assert.equal(sections[0]?.title, 'Builds')
  assert.deepEqual(
    things.filter(({ name }) => name.startsWith('Part')),
    [],
    'everything that comes back has a name'
  )
})

test('what the document says is text, never markup', () => {
  const page = apiPage({ title: '<b>', sections: [], things: [{ name: '"x"', about: '<i>', fields: [] }] }, '<u>')
  for (const markup of ['<title><b>', '</b> <i>', '<u>', 'id=""']) assert.ok(!page.includes(markup), markup)
})
