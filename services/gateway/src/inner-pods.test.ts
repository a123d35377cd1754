import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Route } from '@slipway/domain'
import { freePort, waitFor } from '@slipway/machine'
import { ask, type Question, routeTo, startFunction, startTestGateway } from './gateway-for-test.ts'

const host = 'gateway.openfaas:8080'
/** Loopback addresses stand for those of pods. */
const pods = { alice: '127.1.0.9', bob: '127.2.0.9', nobody: '127.3.0.9' }

async function startBeside(t: TestContext, routes: Route[], ownerOf: (address: string) => Promise<string | null>) {
  const port = await freePort()
  const opened: string[] = []
  const env = { INNER_PORT: String(port), INNER_HOST: '127.0.0.1', KUBERNETES_INNER_GATEWAY: 'slipway/inner' }
  const gateway = await startTestGateway(t, routes, { ...env, TRUSTED_PROXIES: '127.0.0.0/8' }, 0, {
    functionAddresses: async (installation) => {
      opened.push(installation)
      return { ownerOf, close: () => Promise.resolve() }
    }
  })
  const isHeard = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.on('error', () => resolve(false)).on('connect', () => socket.destroy())
    })
  await waitFor(isHeard, { timeoutMs: 20_000, everyMs: 5 })
  return {
    ...gateway,
    opened,
    port,
    from: (from: string, question: Question) => ask(port, { host, from, ...question })
  }
}

const bySlug = async (address: string) =>
  Object.entries(pods).find(([slug, pod]) => slug !== 'nobody' && pod === address)?.[0] ?? null

async function startClosed(t: TestContext, name: string, more: Partial<Route> = {}) {
  const { endpoint } = await startFunction(t, (req, res) =>
    res.end(`${name} ${req.url} ${String(req.headers['x-call-depth'])}`)
  )
  return routeTo(name, [endpoint], { access: 'owner', ...more })
}

const ofBob = { ownerId: 'o-bob', ownerSlug: 'bob', clusterName: 'bob-other', deploymentId: 'd-bob' }

test('a pod calls functions of its owner by their names and without a key, others as anybody', async (t) => {
  const routes = [await startClosed(t, 'hello'), await startClosed(t, 'other', ofBob)]
  const gateway = await startBeside(t, routes, bySlug)
  const answer = await gateway.from(pods.alice, { path: '/function/hello/a?b=c' })
  assert.deepEqual([answer.status, answer.body], [200, 'hello /a?b=c 1'])
  assert.equal((await gateway.from(pods.bob, { path: '/function/other' })).status, 200)
  assert.equal((await gateway.from(pods.alice, { path: '/function/other' })).status, 404)
  assert.equal((await gateway.from(pods.alice, { path: '/function/bob-other' })).status, 401)
  assert.equal((await gateway.from(pods.alice, { path: '/function/other.bob' })).status, 401)
  const left = await gateway.from(pods.alice, { method: 'POST', path: '/async-function/hello', body: 'words' })
  assert.equal(left.status, 202)
  assert.deepEqual(gateway.opened, ['test'])
})

test('an address that is no function’s is nobody, whatever headers say, and nothing but functions is served', async (t) => {
  const gateway = await startBeside(t, [await startClosed(t, 'hello')], bySlug)
  const headers = { 'x-forwarded-for': pods.alice, 'x-real-ip': pods.alice, forwarded: `for=${pods.alice}` }
  for (const from of [pods.nobody, pods.bob])
    assert.equal((await gateway.from(from, { path: '/function/alice-hello', headers })).status, 401, from)
  for (const path of ['/metrics', '/healthz', '/system/functions'])
    assert.equal((await gateway.from(pods.alice, { path })).status, 404, path)
})

test('what a pod sends before it is known is kept until then', async (t) => {
  const known = Promise.withResolvers<string>()
  const asked = Promise.withResolvers<void>()
  const gateway = await startBeside(t, [await startClosed(t, 'hello')], (address) => {
    if (address !== pods.alice) return Promise.resolve(null)
    asked.resolve()
    return known.promise
  })
  const body = 'x'.repeat(100_000)
  const answer = gateway.from(pods.alice, { method: 'POST', path: '/function/hello', body })
  await asked.promise
  known.resolve('alice')
  assert.equal((await answer).status, 200)
})

test('a gateway that stops still answers who was not known yet', async (t) => {
  const asked = Promise.withResolvers<void>()
  const known = Promise.withResolvers<null>()
  const gateway = await startBeside(t, [], (address) => {
    if (address !== pods.alice) return Promise.resolve(null)
    asked.resolve()
    return known.promise
  })
  const answer = gateway.from(pods.alice, { path: '/function/hello' })
  await asked.promise
  const closed = gateway.close()
  known.resolve(null)
  await closed
  assert.equal((await answer).status, 404)
})
