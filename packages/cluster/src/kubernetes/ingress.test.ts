import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deploymentOf } from '@slipway/testing'
import { ingressName, ingressOf } from './ingress.ts'
import type { IngressPolicy } from './owned-object.ts'

const policy: IngressPolicy = {
  gateway: { namespace: 'slipway', service: 'slipway-gateway', port: 80 },
  domain: 'functions.example.com',
  className: null,
  tlsSecret: null,
  annotations: {}
}

const objectOf = (change: Parameters<typeof deploymentOf>[0], own: Partial<IngressPolicy> = {}) => {
  const object = ingressOf(deploymentOf(change), 'i1', { ...policy, ...own })
  assert.ok(object.kind === 'Ingress')
  return object
}

test("a function's Ingress leads its owner's host and its own path to the gateway, which knows who may call it", () => {
  const { metadata, spec } = objectOf({ ownerSlug: 'alice', functionName: 'hello' })
  assert.deepEqual([metadata.namespace, metadata.name], ['slipway', 'alice.hello'])
  assert.deepEqual(spec, {
    rules: [
      {
        host: 'alice.functions.example.com',
        http: {
          paths: [
            {
              path: '/hello',
              pathType: 'Prefix',
              backend: { service: { name: 'slipway-gateway', port: { number: 80 } } }
            }
          ]
        }
      }
    ]
  })
})

test('class, certificate and annotations are what an administrator set, and nothing of the repository', () => {
  const { metadata, spec } = objectOf(
    {
      ownerSlug: 'alice',
      annotations: { 'nginx.ingress.kubernetes.io/server-snippet': 'return 301 https://evil.example;' },
      labels: { 'com.slipway.installation': 'theirs' }
    },
    {
      className: 'nginx',
      tlsSecret: 'functions-{owner}',
      annotations: { 'cert-manager.io/cluster-issuer': 'letsencrypt', 'com.slipway.deployment': 'theirs' }
    }
  )
  assert.equal(spec?.ingressClassName, 'nginx')
  assert.deepEqual(spec.tls, [{ hosts: ['alice.functions.example.com'], secretName: 'functions-alice' }])
  assert.deepEqual(Object.keys(metadata.annotations ?? {}).toSorted(), [
    'cert-manager.io/cluster-issuer',
    'com.slipway.deployment'
  ])
  assert.notEqual(metadata.annotations?.['com.slipway.deployment'], 'theirs')
  assert.equal(metadata.labels['com.slipway.installation'], 'i1')
})

test('no two functions share an Ingress, whatever the dashes in their names', () => {
  assert.notEqual(
    ingressName({ ownerSlug: 'a-b', functionName: 'c' }),
    ingressName({ ownerSlug: 'a', functionName: 'b-c' })
  )
})
