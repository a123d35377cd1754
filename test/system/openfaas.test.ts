import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { createOpenFaasCluster } from '@slipway/cluster/openfaas'
import { endpointUrl } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { deploymentOf } from '@slipway/testing'
import { createOpenFaasScene, type OpenFaasScene } from './openfaas-scene.ts'
import { asking, call, saying, stackOf } from './scene.ts'

let scene: OpenFaasScene

before(async () => {
  scene = await createOpenFaasScene()
})
after(() => scene.close())

test('what faas-cli sends works from any client: an image is deployed, updated and removed', async () => {
  const wanted = { service: 'plain', image: scene.image, envVars: { COLOUR: 'blue' }, labels: {}, annotations: {} }
  assert.equal((await scene.system('PUT', '/system/functions', wanted)).status, 404)
  assert.equal((await scene.system('POST', '/system/functions', wanted)).status, 202)
  await scene.untilReady('plain', 'blue')
  assert.equal((await scene.system('PUT', '/system/functions', { ...wanted, envVars: { COLOUR: 'red' } })).status, 202)
  await scene.untilReady('plain', 'red')
  const shown = (await scene.system('GET', '/system/function/plain?usage=1')).json()
  assert.deepEqual([shown.image, shown.availableReplicas, shown.namespace], [scene.image, 1, 'dave'])
  // What a function prints comes to its log a moment after its answer.
  const line = /^\{"name":"plain","namespace":"dave","instance":"[^"]+","timestamp":"[^"]+","text":"called with x"\}$/m
  const logs = async () => (await scene.system('GET', '/system/logs?name=plain&follow=false')).text
  await waitFor(async () => line.test(await logs()), { timeoutMs: 15_000, what: 'the line of the call' })
  assert.equal((await scene.system('DELETE', '/system/functions', { functionName: 'plain' })).status, 202)
  await waitFor(async () => (await scene.said('plain')).status === 404, {
    timeoutMs: 30_000,
    what: 'the function to be gone'
  })
})

test("another Slipway's functions are told with its marks from the start, why one does not come up, and go when it says so", async (t) => {
  const cluster = createOpenFaasCluster({
    installation: 'another',
    address: new URL(scene.installation.endpoints.gateway),
    credential: { token: scene.token },
    namespaces: 'one',
    namespace: 'dave',
    pullSecret: null,
    filesOf: () => Promise.resolve(new Map()),
    logger: { info: () => undefined, warn: () => undefined }
  })
  t.after(() => cluster.close())
  const { live } = await scene.installation.api.getFunction({ owner: 'dave', name: 'hello' })
  assert.ok(live !== null)
  const signal = AbortSignal.timeout(90_000)
  const deployment = deploymentOf({ image: live.image })
  const missing = deploymentOf({ image: { ...live.image, digest: `sha256:${'b'.repeat(64)}` } })
  const applied = cluster.apply(deployment, signal)
  await waitFor(async () => (await cluster.list(signal)).some((one) => one.deploymentId === deployment.id), {
    timeoutMs: 30_000,
    what: 'the function to be told of'
  })
  const [endpoint] = await applied
  assert.ok(endpoint !== undefined)
  const answer = await fetch(endpointUrl(endpoint), { method: 'POST', body: 'x', signal })
  assert.equal(((await answer.json()) as { said: string }).said, 'x')
  await assert.rejects(cluster.apply(missing, signal), { code: 'image-missing', message: /the registry has no / })
  await cluster.remove(deployment.id, 0, signal)
  assert.deepEqual(await cluster.list(signal), [])
})

test('an image of another owner, or of a registry that is not allowed, is not deployed, and the build says why', async () => {
  const others = scene.image.replace('/dave/', '/erin/')
  const { status, json } = await scene.system('POST', '/system/functions', { service: 'stolen', image: others })
  assert.equal(status, 202)
  const id = String(json().buildId)
  const ended = await waitFor(
    async () => {
      const build = await scene.installation.api.getBuild({ id })
      return build.status === 'failed' ? build : null
    },
    { timeoutMs: 60_000, what: 'the build to fail' }
  )
  assert.match((ended as { reason: string }).reason, /may not be used with skip_build/)
  assert.equal((await scene.said('stolen')).status, 404)
})

test('nobody gets past the gateway without a token, and a function of git is not replaced', async () => {
  assert.equal((await call(scene, '/system/functions')).status, 401)
  assert.equal((await scene.system('GET', '/system/functions', undefined, 'slw_wrong')).status, 401)
  const taken = await scene.system('PUT', '/system/functions', { service: 'hello', image: scene.image })
  assert.equal(taken.status, 409)
  assert.match(taken.text, /belongs to repository dave\/shop/)
})

test('an alert scales a function, a person who scales it goes over that, until it is left to itself', async () => {
  const { api } = scene.installation
  const alert = async (status: string) => {
    const body = { version: '4', alerts: [{ status, labels: { alertname: 'Busy', function_name: 'hello.dave' } }] }
    const answer = await scene.system('POST', '/system/alert', body)
    assert.equal(answer.status, 200, answer.text)
    return (answer.json().functions as { replicas: number }[])[0]
  }
  const has = async () => (await scene.system('GET', '/system/function/hello')).json().availableReplicas
  const { reason, replicas } = (await alert('firing')) as { reason?: unknown; replicas: number }
  assert.deepEqual([replicas, reason, await has()], [2, null, 2], 'a tenth of four, rounded up')
  assert.deepEqual([(await alert('resolved'))?.replicas, await has()], [1, 1])
  const hello = { owner: 'dave', name: 'hello' }
  await api.scaleFunction({ ...hello, replicas: 0 })
  assert.equal((await scene.said('hello')).status, 503)
  await api.scaleFunction({ ...hello, replicas: 2 })
  assert.deepEqual([(await alert('resolved'))?.replicas, await has()], [2, 2])
  assert.equal((await api.scaleFunction({ ...hello, replicas: null })).live?.replicas, 1)
  assert.equal(await has(), 1)
})

test('a function is called by its schedule, by every version of it, until it is paused', async () => {
  const { api } = scene.installation
  const about = { owner: 'dave', name: 'ticker' }
  const annotations = { topic: 'cron-function', schedule: '* * * * * *' }
  const deploy = async (method: string, colour: string, more: Record<string, string> = {}) => {
    const wanted = { service: 'ticker', image: scene.image, envVars: { COLOUR: colour }, annotations }
    const body = { ...wanted, annotations: { ...annotations, ...more } }
    return scene.system(method, '/system/functions', body)
  }
  const scheduleNow = async () => (await api.getFunction(about)).schedule
  /** Waits for a call that is due after that. */
  const calledAfter = (at: number) =>
    waitFor(
      async () => {
        const last = (await scheduleNow())?.last
        return last?.outcome === 'called' && last.at > at ? last.at : null
      },
      { timeoutMs: 60_000, what: 'a call by the schedule' }
    )

  const refused = await deploy('POST', 'blue', { schedule: '61 * * * *' })
  const failed = await scene.ended(String(refused.json().buildId))
  assert.match(String(failed.reason), /^stack\.yml:\d+:\d+: annotation schedule: "61 \* \* \* \*" cannot be read/)

  assert.equal((await deploy('POST', 'blue')).status, 202)
  await scene.untilReady('ticker', 'blue')
  const first = await calledAfter(0)
  assert.ok(((await scheduleNow())?.nextAt ?? 0) > first)
  const logs = async () => (await scene.system('GET', '/system/logs?name=ticker&follow=false')).text
  await waitFor(async () => (await logs()).includes('"called with "'), {
    timeoutMs: 30_000,
    what: 'the call in its log'
  })

  assert.equal((await deploy('PUT', 'red')).status, 202)
  await scene.untilReady('ticker', 'red')
  await calledAfter(await calledAfter(Date.now()))

  await api.pauseFunction(about)
  assert.equal((await scheduleNow())?.nextAt, null)
  await api.removeFunction(about)
  assert.equal(await scheduleNow(), null)
})

test('calls that nobody waits for are made and told of, also when everything is killed in between', async (t) => {
  const told = new Map<string, { status: string; body: string }>()
  const hook = createServer((req, res) => {
    const parts: Buffer[] = []
    req.on('data', (part: Buffer) => parts.push(part))
    req.on('end', () => {
      const status = String(req.headers['x-function-status'])
      told.set(String(req.headers['x-call-id']), { status, body: Buffer.concat(parts).toString() })
      res.end()
    })
  })
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
  t.after(() => hook.close())
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`
  const leave = async (body: string) => {
    const headers = { 'x-callback-url': url, 'content-type': 'text/plain' }
    const { status, headers: answer } = await call(scene, '/async-function/dave-hello', {
      method: 'POST',
      body,
      headers
    })
    assert.equal(status, 202)
    return String(answer['x-call-id'])
  }
  const first = await leave('first')
  await waitFor(() => told.has(first), { timeoutMs: 30_000, what: 'the first to be told of' })
  assert.equal(told.get(first)?.status, '200')
  assert.match(told.get(first)?.body ?? '', /"said":"first"/)

  const ids = await Promise.all(Array.from({ length: 40 }, (_, i) => leave(`number ${i}`)))
  await scene.installation.kill()
  await scene.restart()
  await waitFor(() => ids.every((id) => told.has(id)), { timeoutMs: 90_000, what: 'all of them to be told of' })
  assert.ok(ids.every((id, i) => told.get(id)?.body.includes(`number ${i}`)))
})

test('a function calls others of its owner by the name of the gateway, as nobody those of other owners, and nothing else of the host', async (t) => {
  const { api } = scene.installation
  const mine = await scene.repository({ owner: 'frank' })
  const theirs = await scene.repository({ owner: 'grace' })
  const [one, other] = await Promise.all([
    mine.push({
      'stack.yml': stackOf({ front: {}, back: {} }),
      'front/handler.js': asking,
      'back/handler.js': saying('of the same owner')
    }),
    theirs.push({ 'stack.yml': stackOf({ closed: {} }), 'closed/handler.js': saying('of another owner') })
  ])
  assert.deepEqual([(await mine.ended(one)).status, (await theirs.ended(other)).status], ['live', 'live'])
  await api.setAccess({ owner: 'frank', name: 'back', access: 'owner' })
  const status = async (path: string) => (await call(scene, path)).status
  await waitFor(async () => (await status('/function/frank-back')) === 401, { timeoutMs: 20_000 })
  const asked = async (url: string) =>
    (await call(scene, `/function/frank-front?url=${encodeURIComponent(url)}`)).body.replace(/\{.*/s, '')

  const isHeard = async () => (await asked('http://gateway:8080/function/back')) === '200 of the same owner'
  await waitFor(isHeard, { timeoutMs: 20_000, what: 'the gateway to listen in a network that is new' })
  for (const name of ['gateway', 'gateway.openfaas', 'gateway.openfaas.svc.cluster.local'])
    assert.equal(await asked(`http://${name}:8080/function/back`), '200 of the same owner', name)
  assert.equal(await asked('http://gateway:8080/function/frank-back/deep?a=b'), '200 of the same owner')
  assert.equal(await asked('http://gateway:8080/function/closed.grace'), '200 of another owner')
  await api.setAccess({ owner: 'grace', name: 'closed', access: 'owner' })
  await waitFor(async () => (await status('/function/grace-closed')) === 401, { timeoutMs: 20_000 })
  assert.equal(await asked('http://gateway:8080/function/closed.grace'), '401 ')

  const program = createServer((_req, res) => res.end('of the host')).listen(0, '0.0.0.0')
  t.after(() => program.close())
  await once(program, 'listening')
  assert.equal(await asked(`http://gateway:${(program.address() as AddressInfo).port}/`), 'no answer')
  assert.equal(await asked('http://gateway:8080/system/functions'), '404 ')
})
