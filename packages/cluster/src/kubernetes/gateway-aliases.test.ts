import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { V1Deployment } from '@kubernetes/client-node'
import { Failure } from '@slipway/domain'
import type { KubernetesApi } from './api.ts'
import { createGatewayAliases } from './gateway-aliases.ts'
import type { InnerPolicy } from './owned-object.ts'

const hostnames = ['gateway', 'gateway.openfaas', 'gateway.openfaas.svc.cluster.local']
const byService: InnerPolicy = { gateway: { namespace: 'slipway', service: 'slipway-inner' }, port: 8085 }

/** An API server that knows one Service, or says no. */
function aliasesWith(inner: InnerPolicy | null, says: object | Failure, made: V1Deployment | null = null) {
  const warned: string[] = []
  const api = {
    client: {},
    config: { makeApiClient: () => ({ readNamespacedService: () => Promise.resolve({ spec: says }) }) },
    call: (_what: string, _signal: AbortSignal, run: (settings: object) => Promise<unknown>) =>
      says instanceof Failure ? Promise.reject(says) : run({})
  } as unknown as KubernetesApi
  const logger = { info: () => undefined, warn: (_fields: object, message: string) => void warned.push(message) }
  const aliases = createGatewayAliases({ api, watched: { deployment: () => made }, inner, logger })
  return { warned, aliases: () => aliases('d1', AbortSignal.timeout(10_000)) }
}

test('a new version finds the gateway at the address of its Service, of each family that it has', async () => {
  const { aliases } = aliasesWith(byService, { clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9', 'fd00::9'] })
  assert.deepEqual(await aliases(), [
    { ip: '10.96.0.9', hostnames },
    { ip: 'fd00::9', hostnames }
  ])
  const { aliases: given } = aliasesWith({ gateway: { address: '10.0.0.9' }, port: 8085 }, {})
  assert.deepEqual(await given(), [{ ip: '10.0.0.9', hostnames }])
  assert.deepEqual(await aliasesWith(null, {}).aliases(), [])
})

test('one that is there keeps what it was made with: another address starts none of its pods anew', async () => {
  const hostAliases = [{ ip: '10.96.0.1', hostnames }]
  const made = (spec: object) => ({ spec: { template: { spec } } }) as V1Deployment
  const now = { clusterIP: '10.96.0.9' }
  assert.deepEqual(await aliasesWith(byService, now, made({ hostAliases })).aliases(), hostAliases)
  assert.deepEqual(await aliasesWith(null, now, made({ hostAliases })).aliases(), hostAliases)
  assert.deepEqual(await aliasesWith(byService, now, made({})).aliases(), [])
})

test('where the gateway has no Service the function starts without its names, and it is said', async () => {
  for (const says of [new Failure('not-found', 'no such Service'), { clusterIP: 'None', clusterIPs: ['None'] }]) {
    const { aliases, warned } = aliasesWith(byService, says)
    assert.deepEqual(await aliases(), [])
    assert.deepEqual(warned, ['the function does not reach the gateway by name'])
  }
  const away = aliasesWith(byService, new Failure('unavailable', 'away'))
  await assert.rejects(away.aliases(), { code: 'unavailable' })
})
