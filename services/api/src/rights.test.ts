import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { RouteOptions } from 'fastify'
import { ruleOf } from './access.ts'
import { token } from './api.fixture.ts'
import { createPeople } from './people.fixture.ts'

/*
 * Who may ask what, by hand: not made from the rules that it tries. One letter for each who asks, about alice's private repository:
 * y: let in, whatever comes of it then; u: 401; h: 404 in the words of what is not there; r: 403.
 */
const asking = [
  'nobody', // of no session and no token
  'eve', // signed in, without any right
  'bob', // administers another owner
  'rita', // reads
  'wes', // writes
  'ann', // administers alice
  'token read',
  'token deploy',
  'token admin',
  'root', // an account that administers the platform
  'administrator' // the installation's own token
]

const everybody = 'yyyyyyyyyyy'
const readers = '  uhhyyyyyyyy'.trim()
const writers = '  uhhryyryyyy'.trim()
const admins = '   uhhrryrryyy'.trim()
const platform = ' urrrrrrrryy'.trim()
/** Lists over all owners: what they hold is tried elsewhere. */
const signedIn = ' uyyyyyyyyyy'.trim()
/** A token makes tokens when it is for everything. */
const holders = '  uhhyyyrryyy'.trim()
/** The administrator's token has no account: it is told that it is the administrator's. */
const accounts = ' uyyyyyyyyyy'.trim()

type Body = Record<string, unknown>

const alices = 'namespace=alice'
const word = 'w'.repeat(43)
const notification: Body = { kind: 'slack', url: 'https://example.com/', topics: ['failed'] }

/** Every route, with what is sent to it. */
const table: Record<string, [letters: string, body?: Body | undefined, query?: string]> = {
  'GET /healthz': [everybody],
  'GET /readyz': [everybody],
  'GET /*': [everybody],
  'GET /assets/:file': [everybody],
  'GET /claim': [everybody],
  'GET /auth/claim.js': [everybody],
  'GET /auth/page.css': [everybody],
  'GET /terminal': [everybody],
  'GET /auth/terminal.js': [everybody],
  'GET /badge/:owner/:file': [everybody],
  'GET /.well-known/slipway/seal.pem': [everybody],
  'GET /dashboard/api/pub-cert.pem': [everybody],
  'GET /api/v1/openapi.json': [everybody],
  'GET /docs': [everybody],
  'GET /api/v1/sign-in': [everybody],
  'GET /api/v1/me': [accounts],

  'GET /api/v1/owners': [signedIn],
  'GET /api/v1/repositories': [signedIn],
  'GET /api/v1/builds': [signedIn],
  'GET /api/v1/functions': [signedIn],
  'GET /api/v1/deliveries': [signedIn],
  'GET /api/v1/audit': [signedIn],
  'GET /api/v1/events': [signedIn],

  'GET /api/v1/builds/:id': [readers],
  'GET /api/v1/builds/:id/log': [readers],
  'GET /api/v1/deployments/:id': [readers],
  'GET /api/v1/functions/:owner/:name': [readers],
  'GET /api/v1/functions/:owner/:name/deployments': [readers],
  'GET /api/v1/functions/:owner/:name/access': [readers],
  'GET /api/v1/functions/:owner/:name/comparison': [readers, undefined, 'before=none&after=none'],
  'GET /api/v1/functions/:owner/:name/traffic': [readers],
  'GET /api/v1/functions/:owner/:name/log': [readers],
  'GET /api/v1/repositories/:id/health': [readers],
  'GET /api/v1/owners/:owner/traffic': [readers],
  'GET /api/v1/owners/:owner/usage': [readers],
  'GET /api/v1/owners/:owner/limits': [readers],

  'GET /api/v1/secrets/:owner': [writers],
  'POST /api/v1/builds/:id/cancel': [writers],
  'POST /api/v1/builds/:id/rebuild': [writers, {}],
  'POST /api/v1/functions/:owner/:name/rollback': [writers, {}],
  'POST /api/v1/functions/:owner/:name/pause': [writers],
  'POST /api/v1/functions/:owner/:name/resume': [writers],
  'POST /api/v1/functions/:owner/:name/redeploy': [writers],
  'POST /api/v1/functions/:owner/:name/scale': [writers, { replicas: 1 }],
  'POST /api/v1/functions/:owner/:name/calls': [writers, { method: 'GET' }],
  'GET /api/v1/owners/:owner/calls': [readers],
  'POST /api/v1/functions/:owner/:name/calls/:call/retry': [writers],
  'DELETE /api/v1/functions/:owner/:name/calls/:call': [writers],
  'POST /api/v1/owners/:owner/deploys': [writers, undefined, 'name=hello'],

  'GET /api/v1/functions/:owner/:name/environment': [admins],
  'GET /api/v1/owners/:owner/variables': [admins],
  'PATCH /api/v1/owners/:owner/variables': [admins, { use: 'runtime' }],
  'PATCH /api/v1/repositories/:id': [admins, {}],
  'DELETE /api/v1/functions/:owner/:name': [admins],
  'PUT /api/v1/secrets/:owner/:name': [admins, { values: { key: 'value' } }],
  'DELETE /api/v1/secrets/:owner/:name': [admins],
  'PUT /api/v1/functions/:owner/:name/access': [admins, { access: 'public' }],
  'PUT /api/v1/owners/:owner/access': [admins, { access: 'public' }],
  'GET /api/v1/owners/:owner/function-keys': [admins],
  'POST /api/v1/owners/:owner/function-keys': [admins, { name: 'x' }],
  'DELETE /api/v1/owners/:owner/function-keys/:id': [admins],

  'GET /api/v1/owners/:owner/notifications': [admins],
  'POST /api/v1/owners/:owner/notifications': [admins, notification],
  'DELETE /api/v1/owners/:owner/notifications/:id': [admins],
  'POST /api/v1/owners/:owner/notifications/:id/test': [admins],

  // Those below `/system/` are in the table of what is asked through the gateway, too: test/hostile/gateway-rights.test.ts.
  'GET /system/functions': [signedIn],
  'GET /system/namespaces': [signedIn],
  'GET /system/info': [signedIn],
  'GET /system/function/:name': [readers, undefined, alices],
  'GET /system/logs': [readers, undefined, `name=hello&${alices}`],
  'GET /system/namespace/:namespace': [readers],
  'GET /system/secrets': [writers, undefined, alices],
  'POST /system/functions': [writers, { service: 'hello', image: 'x', namespace: 'alice' }],
  'PUT /system/functions': [writers, { service: 'hello', image: 'x', namespace: 'alice' }],
  'POST /system/scale-function/:name': [writers, { replicas: 1, namespace: 'alice' }],
  // Functions that somebody may not see count as not there: an alert that names one is taken, and does nothing.
  'POST /system/alert': ['uyyryyryyyy', { alerts: [{ status: 'resolved', labels: { function_name: 'hello.alice' } }] }],
  'DELETE /system/functions': [admins, { functionName: 'hello', namespace: 'alice' }],
  'POST /system/secrets': [admins, { name: 'key', value: 'v', namespace: 'alice' }],
  'PUT /system/secrets': [admins, { name: 'key', value: 'v', namespace: 'alice' }],
  'DELETE /system/secrets': [admins, { name: 'key', namespace: 'alice' }],
  'POST /system/namespace/': [platform, { name: 'dora' }],
  'DELETE /system/namespace/:namespace': ['uhhrrrrrryy'],
  'PUT /system/namespace/:namespace': ['uhhrrrrrryy', {}],

  'POST /api/v1/owners/:owner/terminal-tickets': ['uhhyyyrrryy', { challenge: word, host: 'laptop', scope: 'read' }],
  'GET /api/v1/owners/:owner/tokens': [holders],
  'POST /api/v1/owners/:owner/tokens': [holders, { name: 'x', scope: 'read' }],
  'DELETE /api/v1/owners/:owner/tokens/:id': [holders],

  'POST /api/v1/owners': [platform, { slug: 'carol' }],
  'DELETE /api/v1/owners/:id': ['uhhrrrrrryy'],
  'PUT /api/v1/owners/:id': ['uhhrrrrrryy', { slug: 'alice' }],
  'PUT /api/v1/owners/:owner/suspension': ['uhhrrrrrryy', { isSuspended: false }],
  'PUT /api/v1/owners/:owner/build-isolation': ['uhhrrrrrryy', { isolation: null }],
  'PUT /api/v1/owners/:owner/limits': ['uhhrrrrrryy', { own: {} }],
  'POST /api/v1/admin/claims': [platform, {}],
  'POST /api/v1/connect/github': [platform, {}],
  'POST /api/v1/connect/gitlab': [platform, { project: 'acme/shop' }],
  'GET /api/v1/connect/:id': [platform],
  'GET /api/v1/forges': [platform],
  'POST /api/v1/forges/:forge/webhook-secret/rotation': [platform],
  'PUT /api/v1/forges/:forge/app-key': [platform, { key: 'x' }],
  'GET /api/v1/sealing-keys': [platform],
  'POST /api/v1/sealing-keys': [platform, { keys: 'x' }],
  'POST /api/v1/sealing-keys/rotation': [platform],
  'POST /api/v1/encryption-key/rotation': [platform],
  'GET /api/v1/admin/notifications': [platform],
  'POST /api/v1/admin/notifications': [platform, notification],
  'DELETE /api/v1/admin/notifications/:id': [platform],
  'POST /api/v1/admin/notifications/:id/test': [platform],
  'GET /api/v1/running': [platform],
  'GET /api/v1/queue': [platform],
  'GET /api/v1/health': [platform],
  'POST /api/v1/admin/clean-up': [platform]
}

/** The door is asked without a right by whoever stands before it: what it lets through is tried where it is. */
const door = [
  'POST /api/v1/sign-in/terminal',
  'GET /auth/:provider/start',
  'GET /auth/:provider/callback',
  'POST /auth/sign-out',
  'POST /auth/sign-out-everywhere',
  'POST /auth/claim',
  'GET /connect/github',
  'GET /connect/github/callback',
  'GET /connect/github/setup'
]

/** What is no part of the API: the server's own, pages for people, and the document itself. */
const undocumented = [
  'GET /healthz',
  'GET /readyz',
  'GET /*',
  'GET /assets/:file',
  'GET /connect/github',
  'GET /connect/github/callback',
  'GET /connect/github/setup',
  'GET /api/v1/openapi.json',
  'GET /docs'
]

function nameOf({ method, url }: RouteOptions): string {
  return `${String(method)} ${url}`
}

/** Fastify answers HEAD as GET, by the same rule. */
function withoutHead(registered: readonly RouteOptions[]): RouteOptions[] {
  return registered.filter(({ method }) => method !== 'HEAD')
}

async function createMatrix(t: TestContext) {
  const made = await createPeople(t)
  const { store, alice, url: base } = made
  const tokens = new Map<string, string>()
  for (const scope of ['read', 'deploy', 'admin']) {
    const { body } = await made.ask('ann', 'POST', '/api/v1/owners/alice/tokens', { name: scope, scope })
    tokens.set(`token ${scope}`, String(body.secret))
  }
  tokens.set('administrator', token)
  const page = { before: null, limit: 1 }
  const [repository] = await store.repositories.list(alice, page)
  const [build] = await store.builds.list(alice, {}, page)
  const [deployment] = await store.deployments.list(alice, {}, page)
  const ids: [string, string | undefined][] = [
    ['/builds/', build?.id],
    ['/deployments/', deployment?.id],
    ['/repositories/', repository?.id],
    ['/owners/:id', alice]
  ]

  function pathOf(url: string): string {
    const id = ids.find(([part]) => url.includes(part))?.[1] ?? 'none'
    const values: Record<string, string> = { owner: 'alice', namespace: 'alice', name: 'hello', file: 'hello.svg', id }
    return url.replaceAll(/:(\w+)/g, (_all, name: string) => values[name] ?? 'none').replace('*', 'some-page')
  }

  /** What a route answers, as the table's letters say it. A stream is left as soon as it begins. */
  async function ask(
    who: string,
    method: string,
    url: string,
    { body, query }: { body: Body | undefined; query: string }
  ): Promise<string> {
    const leave = new AbortController()
    const secret = tokens.get(who)
    const res = await fetch(`${base}${pathOf(url)}?${query}`, {
      method,
      redirect: 'manual',
      signal: leave.signal,
      headers: {
        ...(secret === undefined ? { 'x-test-person': who } : { authorization: `Bearer ${secret}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' })
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const isProblem = res.headers.get('content-type')?.includes('problem') === true
    const { detail = '' } = isProblem ? ((await res.json()) as { detail?: string }) : {}
    leave.abort()
    if (res.status === 401) return 'u'
    if (res.status === 403) return 'r'
    const isHidden = res.status === 404 && /^there is no (owner|build|function|deployment|repository) /.test(detail)
    assert.notEqual(res.status, 500, `${who} ${method} ${url}`)
    assert.ok(res.status !== 400 || !/^(body|querystring|params)/.test(detail), `${who} ${method} ${url}: ${detail}`)
    return isHidden ? 'h' : 'y'
  }
  return { ...made, ask }
}

test('every route has a rule, is in the table of rights, and in the document', async (t) => {
  const { registered, app } = await createPeople(t)
  const document = (await app.inject('/api/v1/openapi.json')).json() as {
    paths: Record<string, Record<string, unknown>>
  }
  const routes = withoutHead(registered)
  for (const route of routes) {
    const name = nameOf(route)
    assert.ok(name in table || door.includes(name), `${name} is not in the table of rights`)
    if (undocumented.includes(name)) continue
    assert.ok(ruleOf(route.config) !== null, `${name} has no rule`)
    const path = route.url.replaceAll(/:(\w+)/g, '{$1}')
    assert.ok(document.paths[path]?.[String(route.method).toLowerCase()], `${name} is not in the document`)
  }
  const names = new Set(routes.map(nameOf))
  assert.deepEqual(
    [...Object.keys(table), ...door].filter((name) => !names.has(name)),
    [],
    'no route is so called'
  )
})

test('every route answers everybody as the table of rights says', async (t) => {
  const { ask } = await createMatrix(t)
  const wrong: string[] = []
  for (const [name, [letters, body, query = '']] of Object.entries(table)) {
    const [method = '', url = ''] = name.split(' ')
    const input = { body, query }
    assert.equal(letters.length, asking.length, name)
    let answers = ''
    for (const who of asking) answers += await ask(who, method, url, input)
    if (answers !== letters) wrong.push(`${name}: ${answers}, not ${letters}`)
  }
  assert.deepEqual(wrong, [])
})
