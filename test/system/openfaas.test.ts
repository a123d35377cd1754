import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { waitFor } from '@slipway/machine'
import { createOpenFaasScene, type OpenFaasScene } from './openfaas-scene.ts'
import { call } from './scene.ts'

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
