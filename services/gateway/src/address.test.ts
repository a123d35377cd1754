import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { readAddress } from './address.ts'

function read(host: string | undefined, target: string, domain = 'localhost') {
  return readAddress(host, target, domain)
}

function refused(host: string | undefined, target: string, code: string, domain = 'localhost'): void {
  assert.throws(
    () => readAddress(host, target, domain),
    (err) => err instanceof Failure && err.code === code,
    `${host} ${target}`
  )
}

test('an address of an owner’s host is function and path, the rest as it was sent', () => {
  const of = (target: string) => ({ kind: 'name', slug: 'alice', functionName: 'hello', target })
  assert.deepEqual(read('alice.localhost', '/hello'), of('/'))
  assert.deepEqual(read('alice.localhost', '/hello/'), of('/'))
  assert.deepEqual(read('alice.localhost', '/hello?a=b&c'), of('/?a=b&c'))
  assert.deepEqual(read('alice.localhost', '/hello/a%2Fb/%zz//c?d=%20../#'.slice(0, -1)), of('/a%2Fb/%zz//c?d=%20../'))
  assert.deepEqual(read('alice.localhost', '/hello/http://x/;y=1?/_/'), of('/http://x/;y=1?/_/'))
})

test('an address reads a host in any case, with port and with the root’s dot', () => {
  for (const host of ['ALICE.LocalHost', 'alice.localhost:8080', 'alice.localhost.', 'alice.localhost.:80']) {
    assert.equal(read(host, '/hello').kind, 'name', host)
  }
  assert.equal(read('alice.fn.example.org', '/hello', 'fn.example.org').kind, 'name')
})

test('an address under /function works on every host of the gateway’s own', () => {
  for (const host of ['localhost', '127.0.0.1:8080', '[::1]:8080', 'example.org', undefined, '']) {
    assert.deepEqual(read(host, '/function/alice-hello/x?y'), {
      kind: 'cluster-name',
      clusterName: 'alice-hello',
      target: '/x?y'
    })
    assert.deepEqual(read(host, '/function/hello.alice'), {
      kind: 'name',
      slug: 'alice',
      functionName: 'hello',
      target: '/'
    })
  }
})

test('an address of the gateway itself is not reachable by a function’s host, where it is a function', () => {
  assert.deepEqual(read('localhost', '/metrics?x'), { kind: 'own', path: '/metrics' })
  assert.deepEqual(read('alice.localhost', '/metrics'), {
    kind: 'name',
    slug: 'alice',
    functionName: 'metrics',
    target: '/'
  })
  assert.equal(read('alicelocalhost', '/metrics').kind, 'own')
})

test('an address that is not exactly a name is nobody’s', () => {
  for (const path of [
    '/',
    '//hello',
    '/./hello',
    '/../hello',
    '/%68ello',
    '/Hello',
    '/hello%2Fx',
    '/hello%00',
    '/-x'
  ]) {
    refused('alice.localhost', path, 'not-found')
  }
  for (const host of ['.localhost', 'a.b.localhost', '-a.localhost', 'a_b.localhost'])
    refused(host, '/hello', 'not-found')
  for (const name of ['', '/x', 'alice-hello%2e', '%61lice-hello', 'hello.', '.alice', 'hello.a.b', '..', 'a..b']) {
    refused('localhost', `/function/${name}`, 'not-found')
  }
})

test('an address with a host that is none is refused', () => {
  for (const host of [
    'a b',
    'alice.localhost:x',
    'alice.localhost:80:80',
    'u@alice.localhost',
    'alice.localhost/x',
    '%61'
  ]) {
    refused(host, '/hello', 'invalid-request')
  }
})

test('an address in absolute or asterisk form is refused', () => {
  for (const target of ['http://bob.localhost/hello', '*', '', 'hello', '?x']) {
    refused('alice.localhost', target, 'invalid-request')
  }
  refused('alice.localhost', '/hello#x', 'invalid-request')
})

test('an address never leads to what is the platform’s, however its path is written', () => {
  for (const path of [
    '/_/ready',
    '/_',
    '/_/',
    '/%5f/health',
    '/%5F%2Fhealth',
    '//_/health',
    '/./_/health',
    '/%2e/_/health',
    '/%2f_/health',
    '/_;x=1/health',
    '/;x/_/health',
    '/%255f/health',
    '/%5c_/health'
  ]) {
    refused('alice.localhost', `/hello${path}`, 'not-found')
    refused('localhost', `/function/alice-hello${path}?x`, 'not-found')
  }
  assert.equal(read('alice.localhost', '/hello/a/_/health').kind, 'name')
  assert.equal(read('alice.localhost', '/hello/_next/static').kind, 'name')
})

test('an address that climbs, or that servers read in different ways, is refused', () => {
  for (const path of [
    '/../x',
    '/a/..',
    '/a/%2e%2E/_/x',
    '/a/.%2e/x',
    '/a/..;/x',
    '/a/%252e%252e/x',
    '/a\\..\\x',
    '/a%00'
  ]) {
    refused('alice.localhost', `/hello${path}`, 'invalid-request')
  }
  assert.equal(read('alice.localhost', '/hello/a..b/...?/../').kind, 'name')
})
