import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { imageFolderName } from '@slipway/domain'
import { imageOf, pushOf, seedLive, seedPush, seedRolledOut, specOf } from '@slipway/testing'
import { commits, createApiForTest, givenUpCallOf, token } from './api.fixture.ts'
import { tarOf } from './tar.fixture.ts'

const folder = gzipSync(await tarOf({ 'stack.yml': 'x' }))

interface Call {
  body?: object | Buffer
  query?: string
  /** `:name` in a path, from what was answered before. */
  params?: Record<string, string>
  /** Keeps something of the answer for later calls. */
  keep?: (answer: Record<string, never>) => Record<string, string>
}

const alices = { namespace: 'alice' }
const hello = { owner: 'alice', name: 'hello' }
const notification = { kind: 'slack', url: 'https://example.com/', topics: ['failed'] }
const verifier = 'v'.repeat(43)
const challenge = createHash('sha256').update(verifier).digest('base64url')
const idOf = (name: string) => (answer: Record<string, { id?: string }>) => ({ id: answer[name]?.id ?? '' })

/** Every route that changes something, in an order in which each of them succeeds, and the action that the audit log has then. */
const calls: [route: string, action: string, call?: Call][] = [
  ['POST /api/v1/owners', 'add-owner', { body: { slug: 'carol' } }],
  [
    'PUT /api/v1/owners/:id',
    'name-owner',
    { body: { slug: 'carla' }, params: { id: 'CAROL' }, keep: ({ id }) => ({ id: String(id) }) }
  ],
  ['DELETE /api/v1/owners/:id', 'remove-owner'],
  ['PUT /api/v1/owners/:owner/build-isolation', 'set-build-isolation', { body: { isolation: 'strict' } }],
  ['PUT /api/v1/owners/:owner/limits', 'set-limits', { body: { own: { functions: 50 } } }],
  ['PUT /api/v1/owners/:owner/suspension', 'unsuspend', { body: { isSuspended: false } }],
  ['PATCH /api/v1/repositories/:id', 'set-repository', { body: { branch: 'main' }, params: { id: 'REPOSITORY' } }],
  ['POST /api/v1/builds/:id/cancel', 'cancel', { params: { id: 'QUEUED' } }],
  ['POST /api/v1/builds/:id/rebuild', 'rebuild', { body: {}, params: { id: 'QUEUED' } }],
  ['POST /api/v1/functions/:owner/:name/redeploy', 'redeploy'],
  ['POST /api/v1/functions/:owner/:name/rollback', 'rollback', { body: {} }],
  ['POST /api/v1/functions/:owner/:name/pause', 'pause'],
  ['POST /api/v1/functions/:owner/:name/resume', 'resume'],
  ['POST /api/v1/functions/:owner/:name/scale', 'scale', { body: { replicas: 2 } }],
  ['POST /api/v1/functions/:owner/:name/calls/:call/retry', 'retry-call', { params: { call: 'one' } }],
  ['DELETE /api/v1/functions/:owner/:name/calls/:call', 'drop-call', { params: { call: 'two' } }],
  ['PUT /api/v1/functions/:owner/:name/access', 'set-access', { body: { access: 'token' } }],
  ['PUT /api/v1/owners/:owner/access', 'set-access', { body: { access: 'public' } }],
  ['PATCH /api/v1/owners/:owner/variables', 'set-variables', { body: { use: 'runtime', set: { A: 'b' } } }],
  ['PUT /api/v1/secrets/:owner/:name', 'put-secret', { body: { values: { key: 'v' } }, params: { name: 'db' } }],
  ['DELETE /api/v1/secrets/:owner/:name', 'remove-secret', { params: { name: 'db' } }],
  ['POST /api/v1/owners/:owner/function-keys', 'create-function-key', { body: { name: 'x' }, keep: idOf('about') }],
  ['DELETE /api/v1/owners/:owner/function-keys/:id', 'revoke-function-key'],
  ['POST /api/v1/owners/:owner/tokens', 'create-token', { body: { name: 'x', scope: 'read' }, keep: idOf('token') }],
  ['DELETE /api/v1/owners/:owner/tokens/:id', 'revoke-token'],
  [
    'POST /api/v1/owners/:owner/terminal-tickets',
    'let-terminal-in',
    {
      body: { challenge, host: 'laptop', scope: 'read' },
      keep: ({ ticket }) => ({ ticket: String(ticket) })
    }
  ],
  ['POST /api/v1/sign-in/terminal', 'create-token', { body: { ticket: 'TICKET', verifier } }],
  ['POST /api/v1/owners/:owner/notifications', 'add-notification', { body: notification, keep: idOf('notification') }],
  ['POST /api/v1/owners/:owner/notifications/:id/test', 'test-notification'],
  ['DELETE /api/v1/owners/:owner/notifications/:id', 'remove-notification'],
  ['POST /api/v1/admin/notifications', 'add-notification', { body: notification, keep: idOf('notification') }],
  ['POST /api/v1/admin/notifications/:id/test', 'test-notification'],
  ['DELETE /api/v1/admin/notifications/:id', 'remove-notification'],
  ['POST /api/v1/sealing-keys', 'import-sealing-keys', { body: { keys: 'x' } }],
  ['POST /api/v1/sealing-keys/rotation', 'rotate-sealing-key'],
  ['POST /api/v1/encryption-key/rotation', 'rotate-encryption-key'],
  ['POST /api/v1/admin/clean-up', 'clean-up'],
  ['POST /api/v1/connect/github', 'connect-forge', { body: {} }],
  ['POST /api/v1/connect/gitlab', 'connect-forge', { body: { project: 'acme/shop', token: 'glpat-x' } }],
  ['POST /api/v1/forges/:forge/webhook-secret/rotation', 'rotate-webhook-secret', { params: { forge: 'github' } }],
  ['PUT /api/v1/forges/:forge/app-key', 'replace-app-key', { body: { key: 'x' }, params: { forge: 'github' } }],
  ['POST /api/v1/owners/:owner/deploys', 'deploy', { body: folder, query: 'name=site' }],
  ['POST /system/namespace/', 'add-owner', { body: { name: 'dora', labels: { openfaas: '1' } } }],
  ['DELETE /system/namespace/:namespace', 'remove-owner', { params: { namespace: 'dora' } }],
  ['POST /system/functions', 'deploy', { body: { service: 'figlet', image: 'registry/figlet:1', ...alices } }],
  ['PUT /system/functions', 'deploy', { body: { service: 'echo', image: 'registry/echo:2', ...alices } }],
  [
    'POST /system/alert',
    'scale',
    { body: { alerts: [{ status: 'firing', labels: { function_name: 'echo.alice' } }] } }
  ],
  ['POST /system/scale-function/:name', 'scale', { params: { name: 'echo' }, body: { replicas: 1, ...alices } }],
  ['POST /system/secrets', 'put-secret', { body: { name: 'key', value: 'v', ...alices } }],
  ['PUT /system/secrets', 'put-secret', { body: { name: 'key', value: 'w', ...alices } }],
  ['DELETE /system/secrets', 'remove-secret', { body: { name: 'key', ...alices } }],
  ['DELETE /system/functions', 'remove', { body: { functionName: 'echo', ...alices } }],
  ['DELETE /api/v1/functions/:owner/:name', 'remove'],
  [
    'POST /api/v1/admin/claims',
    'make-claim',
    { body: {}, keep: ({ url }) => ({ link: String(url).split('#')[1] ?? '' }) }
  ],
  ['POST /auth/claim', 'claim', { body: { token: 'LINK' } }],
  ['POST /auth/sign-out-everywhere', 'sign-out-everywhere']
]

/** What changes something for a caller and leaves no entry, and why. */
const unwritten = {
  'PUT /system/namespace/:namespace': 'answers that nothing of an owner can be changed that way',
  'POST /api/v1/functions/:owner/:name/calls':
    'calls a function as anybody may through the gateway: nothing here changes',
  'POST /auth/sign-out': 'ends one session of who asks; signing in is written down'
}

test('every route that changes something leaves an entry in the audit log that says who did it', async (t) => {
  const { registered, store, signals, app, url: origin, givenUpCalls } = await createApiForTest(t)
  const routes = registered.map(({ method, url }) => `${String(method)} ${url}`)
  const changing = routes.filter((name) => !/^(?:GET|HEAD|OPTIONS) /.test(name))
  const known = [...calls.map(([name]) => name), ...Object.keys(unwritten)]
  assert.deepEqual(changing.toSorted(), known.toSorted(), 'a route is not in the table, or not there any more')

  const functions = [{ spec: specOf('hello'), image: imageOf('hello') }]
  await seedLive(store, pushOf(commits.a), functions, Date.now())
  await seedLive(store, pushOf(commits.b, { before: commits.a }), functions, Date.now())
  const alice = (await store.owners.findBySlug('alice'))?.id ?? ''
  for (const id of ['one', 'two']) givenUpCalls.push(givenUpCallOf(`${alice}/hello`, id))
  const image = { ownerId: alice, name: imageFolderName('echo'), commit: 'e'.repeat(64), sender: null, message: null }
  const { build } = await store.builds.queueUpload(image, Date.now())
  await seedRolledOut(store, build.id, [{ spec: specOf('echo'), image: imageOf('echo') }], Date.now())
  const queued = await seedPush(store, pushOf('c'.repeat(40), { before: commits.b }), Date.now())
  const page = { before: null, limit: 1 }
  const [repository] = await store.repositories.list(null, page)
  const values: Record<string, string> = { QUEUED: queued, REPOSITORY: repository?.id ?? '' }

  signals.listen('notify', () => {
    void (async () => {
      const [due] = await store.notifications.due(Date.now(), 1)
      await store.notifications.settle(due?.id ?? '', {
        status: 'delivered',
        attempts: 1,
        nextAttemptAt: 0,
        reason: null
      })
    })()
  })

  let cookie = ''
  for (const [name, action, { body, query = '', params = {}, keep } = {}] of calls) {
    const [method = '', path = ''] = name.split(' ')
    const carol = await store.owners.findBySlug('carol')
    const all: Record<string, string> = {
      ...values,
      CAROL: carol?.id ?? '',
      LINK: values.link ?? '',
      TICKET: values.ticket ?? ''
    }
    const input: Record<string, string> = { ...hello, id: values.id ?? '', ...params }
    const filled = path.replaceAll(/:(\w+)/g, (_all, key: string) => all[input[key] ?? ''] ?? input[key] ?? '')
    const isFolder = Buffer.isBuffer(body)
    const text =
      body === undefined || isFolder
        ? body
        : JSON.stringify(body).replace(/"(LINK|TICKET)"/, (_all, key: string) => JSON.stringify(all[key]))
    const isDoor = path.startsWith('/auth/')
    const before = new Set((await store.audit.list(null, { before: null, limit: 100 })).map(({ id }) => id))
    const res = await app.inject({
      method: method as 'POST',
      url: `${filled}?${query}`,
      headers: {
        ...(isDoor ? { origin, cookie } : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': isFolder ? 'application/gzip' : 'application/json' })
      },
      ...(text === undefined ? {} : { payload: text })
    })
    assert.equal(Math.floor(res.statusCode / 100), 2, `${name}: ${res.body}`)
    if (keep !== undefined) Object.assign(values, keep(res.json()))
    const [set] = [res.headers['set-cookie'] ?? []].flat()
    if (set !== undefined) cookie = set.split(';')[0] ?? ''
    const entries = await store.audit.list(null, { before: null, limit: 100 })
    const made = entries.filter(({ id }) => !before.has(id)).map((entry) => [entry.actor, entry.action])
    assert.deepEqual(made, [['administrator', action]], name)
  }
})
