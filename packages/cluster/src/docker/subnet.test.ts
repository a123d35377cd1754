import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatSubnet, gatewayOf, nextAddress, overlaps, parseSubnet, subnetsOf } from './subnet.ts'

test('a subnet is read and written, its host bits dropped', () => {
  assert.equal(formatSubnet(parseSubnet('10.201.3.77/26')), '10.201.3.64/26')
  assert.equal(formatSubnet(parseSubnet('255.255.255.255/32')), '255.255.255.255/32')
  assert.equal(gatewayOf(parseSubnet('10.201.3.64/26')), '10.201.3.65')
})

test('anything else is refused', () => {
  for (const text of ['', '10.201.0.0', '10.201.0.0/33', '10.201.0/16', '10.201.0.256/16', '10.201.0.0/', 'fd00::/8']) {
    assert.throws(() => parseSubnet(text), { code: 'invalid-configuration' }, text)
  }
})

test('subnets overlap when one holds the other, in either order', () => {
  const [small, large, other] = ['10.201.0.64/26', '10.201.0.0/16', '10.202.0.0/16'].map(parseSubnet)
  assert.ok(small && large && other)
  assert.ok(overlaps(small, large) && overlaps(large, small) && overlaps(small, small))
  assert.ok(!overlaps(small, other) && !overlaps(other, large))
})

test('a pool is gone through once, from anywhere', () => {
  const subnets = [...subnetsOf(parseSubnet('10.201.0.0/24'), 26, 6)].map(formatSubnet)
  assert.deepEqual(subnets, ['10.201.0.128/26', '10.201.0.192/26', '10.201.0.0/26', '10.201.0.64/26'])
})

test('addresses go round, past those that are taken, and never are the network, its bridge or its broadcast', () => {
  const subnet = parseSubnet('10.201.0.0/29')
  assert.equal(nextAddress(subnet, new Set(), null), '10.201.0.2')
  assert.equal(nextAddress(subnet, new Set(), '10.201.0.2'), '10.201.0.3')
  assert.equal(nextAddress(subnet, new Set(['10.201.0.3']), '10.201.0.2'), '10.201.0.4')
  assert.equal(nextAddress(subnet, new Set(), '10.201.0.6'), '10.201.0.2')
  const all = new Set(['10.201.0.2', '10.201.0.3', '10.201.0.4', '10.201.0.5', '10.201.0.6'])
  for (const last of ['10.201.0.7', '10.201.0.0', '10.201.0.1', '192.168.0.1']) {
    assert.ok(all.has(nextAddress(subnet, new Set(), last) ?? ''), last)
  }
  assert.equal(nextAddress(subnet, all, '10.201.0.4'), null)
})
