import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '@slipway/domain'
import { createPeerList } from './peers.ts'

test('a list of peers knows addresses and networks of both families', () => {
  const isPeer = createPeerList('10.0.0.0/8, 192.0.2.7 fd00::/8,::1', 'TRUSTED_PROXIES')
  for (const peer of ['10.1.2.3', '::ffff:10.1.2.3', '192.0.2.7', 'fd12::1', '::1'])
    assert.equal(isPeer(peer), true, peer)
  for (const peer of ['11.0.0.1', '192.0.2.8', 'fe80::1', undefined, '']) assert.equal(isPeer(peer), false, peer)
  assert.equal(createPeerList('', 'TRUSTED_PROXIES')('127.0.0.1'), false)
})

test('a list of peers that holds something else names the setting', () => {
  for (const list of ['localhost', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::1/129', '10.0.0.0/-1']) {
    assert.throws(
      () => createPeerList(list, 'TRUSTED_PROXIES'),
      (err) =>
        err instanceof Failure && err.code === 'invalid-configuration' && err.message.startsWith('TRUSTED_PROXIES'),
      list
    )
  }
})
