import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type Deployment, Failure, type FailureCode } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import {
  communityEdition,
  deploymentOf,
  type FunctionRuntime,
  fullEdition,
  type OpenFaasEdition,
  startOpenFaas
} from '@slipway/testing'
import { createClient } from './client.ts'
import { createOpenFaasCluster, type OpenFaasClusterOptions } from './cluster.ts'
import { createGateway } from './gateway.ts'
import { createPlaces } from './places.ts'

const signal = () => AbortSignal.timeout(60_000)
const authorization = 'Bearer of it'

/** Functions that are servers of this process: they answer with the path that they were asked for. */
const answering: FunctionRuntime = {
  refusalOf: () => Promise.resolve(null),
  async start({ instance, secrets }) {
    const { server, port } = await listening((req, res) => {
      const name = /^\/secret\/(.+)$/.exec(req.url ?? '')?.[1]
      res.end(name === undefined ? req.url : Buffer.from(secrets[name] ?? []))
    })
    return {
      instance,
      address: { host: '127.0.0.1', port },
      lines: () => Promise.resolve([]),
      async stop() {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    }
  }
}

async function listening(listener: RequestListener) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port }
}

interface Warning {
  facts: object
  message: string
}

function clusterAt(t: TestContext, address: URL, change: Partial<OpenFaasClusterOptions> = {}) {
  const warnings: Warning[] = []
  const cluster = createOpenFaasCluster({
    installation: 'installation-1',
    address,
    credential: { token: 'of it' },
    namespaces: 'one',
    namespace: null,
    pullSecret: null,
    filesOf: () => Promise.resolve(new Map()),
    readyTimeoutMs: 30_000,
    logger: { info: () => undefined, warn: (facts: object, message: string) => void warnings.push({ facts, message }) },
    ...change
  })
  t.after(() => cluster.close())
  return { cluster, warnings }
}

async function openFaas(
  t: TestContext,
  { edition = communityEdition, ...change }: Partial<OpenFaasClusterOptions> & { edition?: OpenFaasEdition } = {}
) {
  const server = await startOpenFaas({ runtime: answering, edition, authorization })
  t.after(() => server.close())
  return { server, ...clusterAt(t, server.url, change) }
}

/** A gateway that says one thing to everything. */
async function saying(t: TestContext, listener: RequestListener) {
  const { server, port } = await listening(listener)
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return clusterAt(t, new URL(`http://127.0.0.1:${port}`))
}

async function refused(work: Promise<unknown>, code: FailureCode, message: RegExp): Promise<void> {
  await assert.rejects(work, (err: unknown) => {
    assert.ok(err instanceof Failure, String(err))
    assert.equal(err.code, code, err.message)
    assert.match(err.message, message)
    return true
  })
}

const system = async (url: URL, path: string): Promise<unknown> =>
  (await fetch(new URL(path, url), { headers: { authorization } })).json()

test('a deployment is a function of its own name, with its labels, its limits and what Slipway knows it by', async (t) => {
  const { server, cluster } = await openFaas(t, { namespace: 'openfaas-fn' })
  const deployment = deploymentOf({
    id: '0190f3c2-0000-7000-8000-00c0ffee1234',
    labels: { 'com.openfaas.cloud.git-owner': 'alice', 'com.openfaas.cloud.git-branch': 'feature/x' },
    annotations: { 'com.openfaas.cloud.git-repo-url': 'https://github.com/alice/shop', topic: 'payments' },
    spec: { environment: { COLOUR: 'blue' }, fprocess: 'node index.js' }
  })
  const endpoints = await cluster.apply(deployment, signal())
  const name = 'alice-hello-00c0ffee1234'
  const { hostname: host, port } = server.url
  assert.deepEqual(endpoints, [{ host, port: Number(port), path: `/function/${name}.openfaas-fn` }])
  const [found] = (await system(server.url, '/system/functions')) as Record<string, unknown>[]
  assert.deepEqual(
    { ...found, createdAt: null },
    {
      name,
      namespace: 'openfaas-fn',
      image: `${deployment.image.repository}@${deployment.image.digest}`,
      envProcess: 'node index.js',
      secrets: [],
      labels: {
        'com.openfaas.cloud.git-owner': 'alice',
        'com.openfaas.scale.min': '1',
        'com.openfaas.scale.max': '4',
        'com.slipway.installation': 'installation-1',
        'com.slipway.deployment': deployment.id,
        'com.slipway.owner': 'alice',
        'com.slipway.cluster-name': 'alice-hello',
        topic: 'payments'
      },
      annotations: {
        'com.openfaas.cloud.git-owner': 'alice',
        'com.openfaas.cloud.git-branch': 'feature/x',
        'com.openfaas.cloud.git-repo-url': 'https://github.com/alice/shop',
        'com.openfaas.ready.http.path': '/_/ready',
        'com.openfaas.ready.http.periodSeconds': '1',
        topic: 'payments'
      },
      limits: { memory: '134217728', cpu: '500m' },
      requests: { memory: '67108864', cpu: '50m' },
      readOnlyRootFilesystem: true,
      invocationCount: 0,
      replicas: 1,
      availableReplicas: 1,
      createdAt: null
    }
  )
})

test('how a function scales, and when it is called, OpenFaaS is not told: Slipway does both', async (t) => {
  const { server, cluster, warnings } = await openFaas(t)
  const labels = {
    'com.openfaas.scale.zero': 'true',
    'com.openfaas.scale.type': 'rps',
    'com.openfaas.scale.target': '5'
  }
  const annotations = { topic: 'cron-function', schedule: '* * * * *' }
  const deployment = deploymentOf({ labels, annotations, spec: { labels, annotations } })
  await cluster.apply(deployment, signal())
  const [found] = (await system(server.url, '/system/functions')) as { labels: object; annotations: object }[]
  for (const name of [...Object.keys(labels), ...Object.keys(annotations)]) {
    assert.ok(!(name in (found?.labels ?? {})) && !(name in (found?.annotations ?? {})), name)
  }
  assert.deepEqual(
    warnings.map(({ facts, message }) => [facts, message]),
    [
      [
        { deploymentId: deployment.id, clusterName: 'alice-hello', labels: Object.keys(labels) },
        'labels that OpenFaaS is not told: Slipway scales by them itself'
      ]
    ]
  )
})

test('a label that the edition refuses is left out with a warning', async (t) => {
  const { cluster, warnings } = await openFaas(t)
  const deployment = deploymentOf({ spec: { replicas: { min: 1, max: 10 } } })
  assert.equal((await cluster.apply(deployment, signal())).length, 1)
  assert.deepEqual(
    warnings.map(({ facts }) => facts),
    [{ deploymentId: deployment.id, clusterName: 'alice-hello', label: 'com.openfaas.scale.max' }]
  )
})

test('more replicas than the edition allows are refused with both numbers, and what runs goes on', async (t) => {
  // Its clock runs ten times as fast: whether the number is taken is looked at for a while.
  const clock = { monotonicNow: () => performance.now() * 10, readyTimeoutMs: 600_000 }
  const { server, cluster } = await openFaas(t, clock)
  const deployment: Deployment = { ...deploymentOf({ replicas: 2 }), status: 'live' }
  await cluster.apply(deployment, signal())
  await refused(cluster.scale(deployment, 7, signal()), 'limit-exceeded', /asked for 7 replicas .* has set 5/)
  const [found] = (await system(server.url, '/system/functions')) as { replicas: number }[]
  assert.equal(found?.replicas, 2)
  assert.equal((await cluster.scale(deployment, 3, signal())).length, 3)
})

test('the limit on functions is told with what it is for, and counts the version that still serves', async (t) => {
  const { cluster } = await openFaas(t, { edition: { ...communityEdition, functionLimit: 1 } })
  const former = deploymentOf()
  await cluster.apply(former, signal())
  await refused(cluster.apply(deploymentOf(), signal()), 'limit-exceeded', /maximum: 1.*room for one function more/)
  assert.deepEqual(
    (await cluster.list(signal())).map(({ deploymentId }) => deploymentId),
    [former.id]
  )
})

test('an image that is not public is refused by the Community Edition, and the message says so', async (t) => {
  const { cluster } = await openFaas(t, { edition: { ...communityEdition, isPublic: () => false } })
  await refused(cluster.apply(deploymentOf(), signal()), 'unsupported', /only allows public images.*without a password/)
})

test('one that is asked for again while what failed of it is taken away waits for that, and holds up nobody', async (t) => {
  const { cluster } = await openFaas(t, { edition: { ...communityEdition, isPublic: () => false } })
  const deployment = deploymentOf()
  const [first, second] = await Promise.allSettled([
    cluster.apply(deployment, signal()),
    cluster.apply(deployment, signal())
  ])
  assert.deepEqual([first.status, second.status], ['rejected', 'rejected'])
  assert.deepEqual(await cluster.list(signal()), [])
})

test('with no replica the function is gone, and the next call finds it made anew', async (t) => {
  const { server, cluster } = await openFaas(t)
  const deployment = deploymentOf()
  await cluster.apply(deployment, signal())
  assert.deepEqual(await cluster.scale(deployment, 0, signal()), [])
  assert.deepEqual(await system(server.url, '/system/functions'), [])
  assert.deepEqual(await cluster.list(signal()), [])
  assert.equal((await cluster.scale(deployment, 1, signal())).length, 1)
})

test('a function of that name that is somebody else’s is neither changed nor removed', async (t) => {
  const { server, cluster } = await openFaas(t)
  const deployment = deploymentOf()
  const theirs = clusterAt(t, server.url, { installation: 'installation-2' })
  await theirs.cluster.apply(deployment, signal())
  await refused(cluster.apply(deployment, signal()), 'conflict', /not of this installation/)
  assert.equal((await theirs.cluster.list(signal())).length, 1)
})

test('a gateway that does not know us is told apart, without the credential', async (t) => {
  const { server } = await openFaas(t)
  const stranger = clusterAt(t, server.url, { credential: { username: 'admin', password: 'hunter2' } })
  await assert.rejects(stranger.cluster.list(signal()), (err: unknown) => {
    assert.ok(err instanceof Failure)
    assert.equal(err.code, 'forbidden')
    assert.match(err.message, /OPENFAAS_PASSWORD/)
    assert.doesNotMatch(err.message, /hunter2|YWRtaW4/)
    return true
  })
  const [finding] = await stranger.cluster.check(signal())
  assert.deepEqual([finding?.name, finding?.isOk], ['openfaas', false])
})

test('the check names gateway, provider and what the edition has room for', async (t) => {
  const { cluster } = await openFaas(t)
  await cluster.apply(deploymentOf(), signal())
  const findings = await cluster.check(signal())
  const detailOf = (name: string) => findings.find((one) => one.name === name)?.detail ?? ''
  assert.match(detailOf('openfaas'), /OpenFaaS 0\.27\.13 with faas-netes-ce answers; functions that it has: 1/)
  assert.match(detailOf('edition'), /at most 15 functions, 5 replicas of each .* room for 14 more/)
})

test('an owner’s functions have a namespace, and there their secrets as files, until the last that lists them goes', async (t) => {
  const filesOf = ({ secrets }: Deployment) =>
    Promise.resolve(new Map(secrets.map(({ name, versionId }) => [`${name}-key`, Buffer.from(`${name} ${versionId}`)])))
  const { server, cluster } = await openFaas(t, { edition: fullEdition, namespaces: 'owner', filesOf })
  const withSecret = (versionId: string) =>
    deploymentOf({ secrets: [{ name: 'db', versionId }], spec: { secrets: ['db'] } })
  const [former, next] = [withSecret('1'), withSecret('2')]
  const bobs = deploymentOf({ ownerSlug: 'bob' })
  const [endpoint] = await cluster.apply(former, signal())
  await cluster.apply(bobs, signal())
  assert.match(endpoint?.path ?? '', /^\/function\/alice-hello-[0-9a-f]{12}\.slipway-alice$/)
  assert.deepEqual(await system(server.url, '/system/namespaces'), ['openfaas-fn', 'slipway-alice', 'slipway-bob'])
  assert.equal(await (await fetch(`${server.url.origin}${endpoint?.path}/secret/db-key`)).text(), 'db 1')
  await cluster.apply(next, signal())
  assert.deepEqual(
    [...server.secrets].map(([name, value]) => `${name}: ${Buffer.from(value).toString()}`),
    ['db-key.slipway-alice: db 2']
  )
  await cluster.remove(former.id, 0, signal())
  assert.equal(server.secrets.size, 1)
  await cluster.remove(next.id, 0, signal())
  assert.equal(server.secrets.size, 0)
})

test('a function that takes its time to end leaves no secret behind, although its removal is given up meanwhile', async (t) => {
  const mayEnd = Promise.withResolvers<void>()
  const runtime: FunctionRuntime = {
    ...answering,
    async start(wanted) {
      const replica = await answering.start(wanted)
      const stop = async () => {
        await mayEnd.promise
        await replica.stop()
      }
      return { ...replica, stop }
    }
  }
  const server = await startOpenFaas({ runtime, edition: fullEdition, authorization })
  t.after(() => {
    mayEnd.resolve()
    return server.close()
  })
  const { cluster } = clusterAt(t, server.url, {
    namespaces: 'owner',
    filesOf: () => Promise.resolve(new Map([['db-key', Buffer.from('x')]])),
    // Its clock runs fast: what may take a minute is given up in a moment.
    monotonicNow: () => performance.now() * 1000,
    readyTimeoutMs: 60_000_000
  })
  const deployment = deploymentOf({ secrets: [{ name: 'db', versionId: '1' }] })
  await cluster.apply(deployment, signal())
  assert.equal(server.secrets.size, 1)
  await refused(cluster.remove(deployment.id, 0, signal()), 'unavailable', /has not taken/)
  mayEnd.resolve()
  await waitFor(async () => (await cluster.list(signal())).length === 0, { timeoutMs: 20_000, what: 'it to end' })
  await cluster.remove(deployment.id, 0, signal())
  assert.equal(server.secrets.size, 0)
})

test('one file name of two sets is refused, for OpenFaaS has one secret of a name', async (t) => {
  const filesOf = ({ secrets }: Deployment) =>
    Promise.resolve(new Map(secrets.map(({ name }) => ['password', Buffer.from(name)])))
  const { server, cluster } = await openFaas(t, { edition: fullEdition, namespaces: 'owner', filesOf })
  const withSet = (functionName: string, name: string) =>
    deploymentOf({ functionName, secrets: [{ name, versionId: '1' }] })
  await cluster.apply(withSet('one', 'db'), signal())
  await cluster.apply(withSet('two', 'db'), signal())
  await refused(cluster.apply(withSet('three', 'mail'), signal()), 'unsupported', /file password of alice-.* set "db"/)
  assert.equal(String(server.secrets.get('password.slipway-alice')), 'db')
})

test('a function with secrets is refused where owners share a namespace, and where a file’s name is no secret’s', async (t) => {
  const secrets = [{ name: 'db', versionId: '1' }]
  const { server, cluster } = await openFaas(t)
  await refused(cluster.apply(deploymentOf({ secrets }), signal()), 'unsupported', /OPENFAAS_NAMESPACES=owner/)
  const filesOf = () => Promise.resolve(new Map([['DB_PASSWORD', Buffer.from('x')]]))
  const owner = await openFaas(t, { edition: fullEdition, namespaces: 'owner', filesOf })
  await refused(owner.cluster.apply(deploymentOf({ secrets }), signal()), 'unsupported', /"DB_PASSWORD"/)
  assert.deepEqual([server.secrets.size, owner.server.secrets.size], [0, 0])
})

test('where namespaces have no labels an owner gets one without, and other refusals stand', async (t) => {
  const asked: unknown[] = []
  const { server, port } = await listening(async (req, res) => {
    if (req.method === 'GET') return res.end('[]')
    const parts = await Array.fromAsync<Buffer>(req)
    const { name, labels } = JSON.parse(Buffer.concat(parts).toString()) as { name: string; labels?: object }
    asked.push([name, labels !== undefined])
    if (name === 'slipway-bob') return res.writeHead(422).end('{"code":"limit-exceeded"}')
    return res.writeHead(labels === undefined ? 201 : 422).end('{"code":"unsupported"}')
  })
  t.after(() => server.close())
  const address = new URL(`http://127.0.0.1:${port}`)
  const gateway = createGateway(createClient({ address, credential: null }))
  const places = createPlaces({ address, namespaces: 'owner', namespace: null, installation: 'test' }, gateway)
  assert.equal(await places.ensure('alice', signal()), 'slipway-alice')
  await refused(places.ensure('bob', signal()), 'limit-exceeded', /make the namespace slipway-bob/)
  assert.deepEqual(asked, [
    ['slipway-alice', true],
    ['slipway-alice', false],
    ['slipway-bob', true]
  ])
})

test('namespaces that a gateway does not have are told with the setting that asks for them', async (t) => {
  const { cluster } = await openFaas(t, { namespaces: 'owner' })
  await refused(cluster.apply(deploymentOf(), signal()), 'unsupported', /OPENFAAS_NAMESPACES to "one"/)
})

test('a gateway below a path gives endpoints below it, one by TLS those that say so', async (t) => {
  const { server } = await openFaas(t)
  const { server: front, port } = await listening((req, res) => {
    void fetch(new URL((req.url ?? '').replace(/^\/faas/, ''), server.url), { headers: { authorization } }).then(
      async (answer) => res.writeHead(answer.status).end(await answer.text())
    )
  })
  t.after(() => front.close())
  const deployment = deploymentOf()
  await clusterAt(t, server.url).cluster.apply(deployment, signal())
  const { cluster } = clusterAt(t, new URL(`http://127.0.0.1:${port}/faas/`))
  const [found] = await cluster.list(signal())
  assert.deepEqual(found?.endpoints, [{ host: '127.0.0.1', port, path: found?.endpoints[0]?.path }])
  assert.match(found?.endpoints[0]?.path ?? '', /^\/faas\/function\/alice-hello-/)
  front.closeAllConnections()
  const address = new URL('https://faas.example.com')
  const gateway = createGateway(createClient({ address, credential: null }))
  const places = createPlaces({ address, namespaces: 'one', namespace: null, installation: 'one' }, gateway)
  assert.deepEqual(places.endpointOf({ name: 'alice-hello-1', namespace: null }), {
    host: 'faas.example.com',
    port: 443,
    path: '/function/alice-hello-1',
    isSecure: true
  })
})

test('what is no answer of OpenFaaS is told as such, with what was said', async (t) => {
  const page = await saying(t, (_req, res) => res.end('<html>welcome</html>'))
  await refused(page.cluster.list(signal()), 'bad-gateway', /answered 200, "<html>welcome/)
  const broken = await saying(t, (_req, res) => res.writeHead(500).end('the database is away\n'))
  await refused(broken.cluster.list(signal()), 'bad-gateway', /answered 500, "the database is away"/)
  const cut = await saying(t, (_req, res) => {
    res.writeHead(200, { 'content-length': '100' }).write('[')
    setImmediate(() => res.destroy())
  })
  await refused(cut.cluster.list(signal()), 'unavailable', /broke off/)
})

test('a provider that says null for nothing has nothing', async (t) => {
  const { cluster } = await saying(t, (_req, res) => res.end('null'))
  assert.deepEqual(await cluster.list(signal()), [])
  assert.deepEqual(await Array.fromAsync(cluster.logs('none', { follow: true, since: null, tail: null }, signal())), [])
})

/** A gateway of Slipway's, that takes a deployment and tells of it what is said here. */
function slipway(
  t: TestContext,
  told: { available: number; annotations: Record<string, string> },
  provider = 'slipway'
) {
  const deployed: Record<string, unknown>[] = []
  return saying(t, async (req, res) => {
    const url = new URL(req.url ?? '/', 'http://gateway')
    const answer = (status: number, value?: unknown) => res.writeHead(status).end(JSON.stringify(value))
    const statusOf = ({ service: name, image, labels }: Record<string, unknown>) => {
      const { available, annotations } = told
      return { name, image, labels, annotations, replicas: 1, availableReplicas: available }
    }
    if (url.pathname === '/system/info') return answer(200, { provider: { provider } })
    if (req.method === 'POST') {
      const parts = await Array.fromAsync<Buffer>(req)
      deployed.push(JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>)
      return answer(202)
    }
    if (req.method === 'DELETE') {
      deployed.length = 0
      return answer(202)
    }
    if (url.pathname === '/system/functions') return answer(200, deployed.map(statusOf))
    const found = deployed.find(({ service }) => url.pathname === `/system/function/${String(service)}`)
    return found === undefined ? answer(404) : answer(200, statusOf(found))
  })
}

test("a gateway of Slipway's answers nobody at the paths that it asks itself: what it says is available is ready", async (t) => {
  const { cluster } = await slipway(t, { available: 1, annotations: {} })
  assert.equal((await cluster.apply(deploymentOf(), signal())).length, 1)
  const other = await slipway(t, { available: 1, annotations: {} }, 'faas-netes')
  const readiness = { ...deploymentOf().spec.readiness, failureThreshold: 1 }
  const away = AbortSignal.timeout(1500)
  await assert.rejects(other.cluster.apply(deploymentOf({ spec: { readiness } }), away), { name: 'TimeoutError' })
})

test("why a function does not come up on a gateway of Slipway's ends the roll-out at once, and takes it away", async (t) => {
  const failing = (words: string, code: Record<string, string>) =>
    slipway(t, { available: 0, annotations: { 'com.slipway.failure': words, ...code } })
  const code = (text: string) => ({ 'com.slipway.failure-code': text })
  // What a function prints decides nothing.
  const broken = await failing('the registry has no x: push it there first', code('not-ready'))
  await refused(
    broken.cluster.apply(deploymentOf(), signal()),
    'not-ready',
    /alice-hello did not become ready: the registry/
  )
  assert.deepEqual(await broken.cluster.list(signal()), [])
  const missing = await failing('it is gone', code('image-missing'))
  await refused(missing.cluster.apply(deploymentOf(), signal()), 'image-missing', /it is gone/)
  // Whoever's build was lost or cancelled there, nothing of the sort happened here.
  for (const other of [code('lease-lost'), code('cancelled'), code('of another time'), {}]) {
    const { cluster } = await failing('no', other)
    await refused(cluster.apply(deploymentOf(), signal()), 'not-ready', /: no$/)
  }
})

test("a refusal of a gateway of Slipway's is known by its code, whatever its words are", async (t) => {
  const answers: [status: number, code: string, FailureCode][] = [
    [422, 'limit-exceeded', 'limit-exceeded'],
    [422, 'image-missing', 'image-missing'],
    // Nobody was faster: the owner there may not deploy.
    [409, 'conflict', 'unsupported'],
    [503, 'unavailable', 'unavailable']
  ]
  for (const [status, code, expected] of answers) {
    const { cluster } = await saying(t, (req, res) => {
      if (req.method === 'POST') res.writeHead(status).end(JSON.stringify({ code, detail: 'image unknown, license' }))
      else res.writeHead(req.url?.startsWith('/system/functions') ? 200 : 404).end('[]')
    })
    await refused(cluster.apply(deploymentOf(), signal()), expected, /image unknown/)
  }
})
