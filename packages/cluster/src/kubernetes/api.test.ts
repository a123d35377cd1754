import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure, type FailureCode } from '@slipway/domain'
import { listAll } from './api.ts'
import { refuse, startApiServer } from './api-server.fixture.ts'
import { createApply } from './apply.ts'
import { ownerObjects } from './owner-objects.ts'

const [account] = ownerObjects(
  'alice',
  {
    installation: 'i1',
    gateway: [],
    egress: 'public',
    quota: { cpuMillis: null, memoryBytes: null, pods: null },
    podAnnotations: {},
    ingress: null,
    inner: null
  },
  null
)
assert.ok(account)

type Server = Awaited<ReturnType<typeof startApiServer>>
const readNamespace = ({ api }: Server, signal: AbortSignal) =>
  api.call('read it', signal, (settings) =>
    api.config.makeApiClient(api.client.CoreV1Api).readNamespace({ name: 'alice' }, settings)
  )
const answer = JSON.stringify({ metadata: { name: 'alice' } })

function failsAs(code: FailureCode, words: RegExp) {
  return (err: unknown) => {
    assert.ok(err instanceof Failure, String(err))
    assert.equal(err.code, code)
    assert.match(err.message, words)
    return true
  }
}

test('429 is waited for as long as the API server asks, 503 and a broken connection are tried again', async (t) => {
  const answers = [
    (res: Parameters<typeof refuse>[0]) => refuse(res, 429, 'too many requests', { 'retry-after': '1' }),
    (res: Parameters<typeof refuse>[0]) => refuse(res, 503, 'etcd is away'),
    (res: Parameters<typeof refuse>[0]) => void res.destroy(),
    (res: Parameters<typeof refuse>[0]) => void res.end(answer)
  ]
  const times: number[] = []
  const server = await startApiServer(t, (_asked, res) => {
    times.push(performance.now())
    answers.shift()?.(res)
  })
  assert.equal((await readNamespace(server, t.signal)).metadata?.name, 'alice')
  assert.equal(times.length, 4)
  const [first = 0, second = 0] = times
  assert.ok(second - first >= 990, `${second - first} ms`)
})

test('who is told to come back much later tells its caller, in place of waiting', async (t) => {
  const server = await startApiServer(t, (_asked, res) => refuse(res, 429, 'much later', { 'retry-after': '3600' }))
  await assert.rejects(readNamespace(server, t.signal), (err: unknown) => {
    assert.ok(err instanceof Failure && err.retryAfterMs === 3_600_000)
    return failsAs('unavailable', /429, much later/)(err)
  })
  assert.equal(server.asked.length, 1)
})

test('what another one changed in the same moment is applied again', async (t) => {
  let conflicts = 3
  const server = await startApiServer(t, (_asked, res) => {
    if (conflicts-- > 0) refuse(res, 409, 'the object has been modified')
    else res.end(answer)
  })
  await createApply(server.api)(account, t.signal)
  assert.deepEqual(
    server.asked.map(({ method, query }) => [method, query.get('fieldManager'), query.get('force')]),
    Array.from({ length: 4 }, () => ['PATCH', 'slipway', 'true'])
  )
})

test('a namespace that goes while something is applied in it is nobody’s fault, and worth another try', async (t) => {
  const ending =
    'serviceaccounts "function" is forbidden: unable to create new content in namespace slipway-alice because it is being terminated'
  let tries = 0
  const server = await startApiServer(t, (_asked, res) =>
    ++tries === 1 ? refuse(res, 403, ending) : refuse(res, 404, 'namespaces "slipway-alice" not found')
  )
  await assert.rejects(
    createApply(server.api)(account, t.signal),
    failsAs('unavailable', /the namespace slipway-alice was removed meanwhile/)
  )
  assert.equal(tries, 2)
})

test('a right that is missing is not told as the fault of an owner, what nobody may do is', async (t) => {
  const said = { message: '' }
  const server = await startApiServer(t, (_asked, res) => refuse(res, 403, said.message, { 'retry-after': '60' }))
  const right = 'namespaces "alice" is forbidden: User "system:serviceaccount:a:b" cannot get resource "namespaces"'
  said.message = right
  await assert.rejects(readNamespace(server, t.signal), failsAs('unavailable', /cannot get resource/))
  said.message = 'pods "x" is forbidden: violates PodSecurity "restricted:latest": privileged'
  await assert.rejects(readNamespace(server, t.signal), failsAs('forbidden', /PodSecurity/))
  said.message = 'pods "x" is forbidden: exceeded quota: slipway'
  await assert.rejects(readNamespace(server, t.signal), failsAs('limit-exceeded', /exceeded quota/))
})

test('an API server that accepts and says nothing is given up after a while, or when the caller goes', async (t) => {
  const server = await startApiServer(t, () => undefined)
  const gone = AbortSignal.timeout(300)
  await assert.rejects(readNamespace(server, gone), (err: unknown) => err === gone.reason)
})

test('thousands of objects come in parts, and all over again where the first of them are too old for the others', async (t) => {
  const all = Array.from({ length: 1200 }, (_, index) => ({ metadata: { name: `n${index}` } }))
  let isForgotten = true
  const server = await startApiServer(t, ({ query }, res) => {
    const from = Number(query.get('continue') ?? '0')
    if (from === 1000 && isForgotten) {
      isForgotten = false
      return refuse(res, 410, 'the provided continue parameter is too old')
    }
    const to = from + Number(query.get('limit') ?? all.length)
    const metadata = { resourceVersion: '7', ...(to < all.length ? { continue: String(to) } : {}) }
    res.end(JSON.stringify({ metadata, items: all.slice(from, to) }))
  })
  const { api } = server
  const core = api.config.makeApiClient(api.client.CoreV1Api)
  const { items, version } = await listAll(api, 'list them', t.signal, (page, settings) =>
    core.listNamespace(page, settings)
  )
  assert.deepEqual(
    [items.length, new Set(items.map(({ metadata }) => metadata?.name)).size, version],
    [1200, 1200, '7']
  )
  assert.deepEqual(
    server.asked.map(({ query }) => [query.get('limit'), query.get('continue')]),
    [
      ['500', null],
      ['500', '500'],
      ['500', '1000'],
      [null, null]
    ]
  )
})
