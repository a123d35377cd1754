import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { token as administratorsToken } from '@slipway/api/fixture'
import { createPeople } from '@slipway/api/people-fixture'
import type { FunctionAccess, KnownKey } from '@slipway/domain'
import { ownPaths, prefixes } from '@slipway/gateway'
import { ask, routeTo, startFunction, startTestGateway } from '@slipway/gateway/fixture'

/*
 * Who may ask what of the gateway, by hand, as `services/api/src/rights.test.ts` has it for the status API. One letter for each who asks,
 * about alice's functions: y: let in; u: 401; r: 403; h: 404.
 */
const asking = [
  'nobody',
  'unknown', // a token that nobody made
  'eve', // a token whose maker has no right any more: as good as unknown
  'bob', // administers another owner
  'rita', // reads
  'wes', // writes
  'ann', // administers alice
  'administrator', // the installation's own token
  'bobs key', // opens everything of another owner
  'key', // opens alice's functions
  'own key' // of alice's own programs
]

const everybody = '  yyyyyyyyyyy'.trim()
const noOne = '      hhhhhhhhhhh'.trim()
/** A key for functions is no token: it is refused as an unknown one. A token is known, with whatever right, by its owner. */
const signedIn = '   uuuyyyyyuuu'.trim()
const readers = '    uuuhyyyyuuu'.trim()
const writers = '    uuuhryyyuuu'.trim()
const admins = '     uuuhrryyuuu'.trim()
const platform = '   uuurrrryuuu'.trim()
/** Of functions: rights at the forge and tokens open none, only keys. */
const withKey = '    uuuuuuuuuyy'.trim()
const withOwnKey = ' uuuuuuuuuuy'.trim()

type Row = [letters: string, sent?: { body?: object; query?: string; headers?: Record<string, string> }]

const alices = { query: 'namespace=alice' }
const domain = 'fn.test'
const own = '127.0.0.1'

/** What the gateway answers itself. */
const ownTable: Record<(typeof ownPaths)[number], Row[]> = {
  '/healthz': [[everybody]],
  '/readyz': [[everybody]],
  // By where it comes from, whoever says to be who: this machine, and nobody that another passed on.
  '/metrics': [
    [everybody],
    [noOne, { headers: { 'x-forwarded-for': own } }],
    [noOne, { headers: { forwarded: `for=${own}` } }]
  ]
}

/** Every route of the status API below `/system/`, asked through the gateway. */
const systemTable: Record<string, Row> = {
  'GET /system/functions': [signedIn],
  'GET /system/namespaces': [signedIn],
  'GET /system/info': [signedIn],
  'GET /system/function/:name': [readers, alices],
  'GET /system/logs': [readers, { query: 'name=hello&namespace=alice' }],
  'GET /system/namespace/:namespace': [readers],
  'GET /system/secrets': [writers, alices],
  'POST /system/functions': [writers, { body: { service: 'hello', image: 'x', namespace: 'alice' } }],
  'PUT /system/functions': [writers, { body: { service: 'hello', image: 'x', namespace: 'alice' } }],
  'POST /system/scale-function/:name': [writers, { body: { replicas: 1, namespace: 'alice' } }],
  // Functions that somebody may not see count as not there: an alert that names one is taken, and does nothing.
  'POST /system/alert': [
    'uuuyryyyuuu',
    { body: { alerts: [{ status: 'resolved', labels: { function_name: 'hello.alice' } }] } }
  ],
  'DELETE /system/functions': [admins, { body: { functionName: 'hello', namespace: 'alice' } }],
  'POST /system/secrets': [admins, { body: { name: 'key', value: 'v', namespace: 'alice' } }],
  'PUT /system/secrets': [admins, { body: { name: 'key', value: 'v', namespace: 'alice' } }],
  'DELETE /system/secrets': [admins, { body: { name: 'key', namespace: 'alice' } }],
  'POST /system/namespace/': [platform, { body: { name: 'dora' } }],
  'DELETE /system/namespace/:namespace': ['uuuhrrryuuu'],
  'PUT /system/namespace/:namespace': ['uuuhrrryuuu', { body: {} }]
}

/** Functions, by who may call them. */
const functionTable: Record<FunctionAccess, string> = { public: everybody, token: withKey, owner: withOwnKey }

const keyText = (letter: string) => `slf_${letter.repeat(43)}`
const keyOf = (letter: string, ownerId: string, isOwn: boolean): KnownKey => ({
  hash: createHash('sha256').update(keyText(letter)).digest('hex'),
  ownerId,
  isOwn,
  functionName: null,
  expiresAt: null
})

async function createScene(t: TestContext) {
  const made = await createPeople(t)
  const tokens = new Map<string, string>([
    ['unknown', `slw_${'x'.repeat(43)}`],
    ['administrator', administratorsToken],
    ['bobs key', keyText('b')],
    ['key', keyText('k')],
    ['own key', keyText('o')]
  ])
  for (const [who, owner, scope] of [
    ['rita', 'alice', 'read'],
    ['wes', 'alice', 'deploy'],
    ['ann', 'alice', 'admin'],
    ['bob', 'bob', 'admin']
  ] as const) {
    const { body } = await made.ask(who, 'POST', `/api/v1/owners/${owner}/tokens`, { name: who, scope })
    tokens.set(who, String(body.secret))
  }
  // She administered bob's once, and her token is still there.
  const bobs = made.people.get('bob')
  const eve = made.people.get('eve')
  assert.ok(bobs !== undefined && eve !== undefined)
  made.people.set('eve', { ...eve, grants: bobs.grants })
  const { body } = await made.ask('eve', 'POST', '/api/v1/owners/bob/tokens', { name: 'eve', scope: 'admin' })
  tokens.set('eve', String(body.secret))
  made.people.set('eve', eve)

  let calls = 0
  const { endpoint } = await startFunction(t, (_req, res) => {
    calls += 1
    res.end('called')
  })
  const routes = (['public', 'token', 'owner'] as const).map((access) => routeTo(access, [endpoint], { access }))
  const gateway = await startTestGateway(t, [], { API_URL: made.url, FUNCTIONS_DOMAIN: domain })
  await gateway.setRoutes(routes, [
    keyOf('b', 'o-bob', true),
    keyOf('k', 'o-alice', false),
    keyOf('o', 'o-alice', true)
  ])

  /** What everybody is answered, as the tables' letters say it. */
  async function answers(method: string, host: string, path: string, sent: Row[1] = {}): Promise<string> {
    let letters = ''
    for (const who of asking) {
      const token = tokens.get(who)
      const body = sent.body === undefined ? undefined : JSON.stringify(sent.body)
      const answer = await ask(gateway.port, {
        method,
        host,
        path: sent.query === undefined ? path : `${path}?${sent.query}`,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...sent.headers
        },
        ...(body === undefined ? {} : { body })
      })
      assert.notEqual(answer.status, 500, `${who} ${method} ${path}`)
      letters += letterOf(answer)
    }
    return letters
  }
  return { ...made, gateway, answers, calls: () => calls }
}

function letterOf({ status, headers, body }: Awaited<ReturnType<typeof ask>>): string {
  if (status === 401) return 'u'
  if (status === 403) return 'r'
  // What the status API says of what it has no more was let in, if it are not its words for what may not be seen.
  const isItsOwn = headers['content-type']?.includes('problem') === true
  return status === 404 && (!isItsOwn || /"there is no (?:owner|function) /.test(body)) ? 'h' : 'y'
}

function pathOf(url: string): string {
  return url.replace(':namespace', 'alice').replace(':name', 'hello')
}

test('what the gateway answers itself asks nobody who they are, and is not to be told from afar', async (t) => {
  const { answers } = await createScene(t)
  for (const path of ownPaths) {
    for (const [letters, sent] of ownTable[path]) assert.equal(await answers('GET', own, path, sent), letters, path)
    assert.equal(await answers('POST', own, path), noOne, `POST ${path}`)
    assert.equal(await answers('GET', `alice.${domain}`, path), noOne, `${path} of a function's host`)
  }
})

test('what manages functions is decided by the status API, and everybody is answered as the table says', async (t) => {
  const { answers, registered } = await createScene(t)
  const names = registered
    .filter(({ method, url }) => method !== 'HEAD' && url.startsWith(prefixes.system))
    .map(({ method, url }) => `${String(method)} ${url}`)
  assert.deepEqual(
    names.filter((name) => !(name in systemTable)),
    [],
    'not in the table of rights'
  )
  assert.deepEqual(
    Object.keys(systemTable).filter((name) => !names.includes(name)),
    [],
    'no route is so called'
  )
  const wrong: string[] = []
  for (const [name, [letters, sent]] of Object.entries(systemTable)) {
    assert.equal(letters.length, asking.length, name)
    const [method = '', url = ''] = name.split(' ')
    const told = await answers(method, own, pathOf(url), sent)
    if (told !== letters) wrong.push(`${name}: ${told}, not ${letters}`)
  }
  assert.deepEqual(wrong, [])
})

test('nothing else of the status API is to be had through the gateway, whoever asks', async (t) => {
  const { answers, registered } = await createScene(t)
  const isOwn = (url: string) => (ownPaths as readonly string[]).includes(url) || url.startsWith(prefixes.system)
  const others = registered.filter(({ method, url }) => method !== 'HEAD' && !isOwn(url))
  assert.ok(others.length > 50, 'there was something to look at')
  const wrong: string[] = []
  for (const { method, url } of others) {
    const told = await answers(String(method), own, pathOf(url).replaceAll(/:\w+/g, 'alice').replace('*', 'page'))
    if (told !== noOne) wrong.push(`${String(method)} ${url}: ${told}`)
  }
  assert.deepEqual(wrong, [])
})

test('a function is called by who has a key of its owner, where one is asked for; no right and no token opens it', async (t) => {
  const { answers, calls } = await createScene(t)
  // What there is below the first two is nothing but functions, by either name.
  assert.deepEqual(Object.keys(prefixes), ['functions', 'asyncCalls', 'system'])
  const wrong: string[] = []
  const compare = async (host: string, path: string, letters: string) => {
    const told = await answers('POST', host, path)
    if (told !== letters) wrong.push(`${host}${path}: ${told}, not ${letters}`)
  }
  for (const [access, letters] of Object.entries(functionTable)) {
    for (const [host, path] of [
      [own, `${prefixes.functions}alice-${access}`],
      [own, `${prefixes.functions}${access}.alice`],
      [`alice.${domain}`, `/${access}`]
    ] as const) {
      const before = calls()
      await compare(host, path, letters)
      assert.equal(calls() - before, letters.split('y').length - 1, `${host}${path}: nobody else reached it`)
    }
    await compare(own, `${prefixes.functions}alice-${access}/_/ready`, noOne)
  }
  // These are made at some time after they were taken.
  for (const [access, letters] of Object.entries(functionTable)) {
    await compare(own, `${prefixes.asyncCalls}alice-${access}`, letters)
    await compare(own, `${prefixes.asyncCalls}${access}.alice`, letters)
  }
  assert.deepEqual(wrong, [])
})
