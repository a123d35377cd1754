import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isReachable } from './reachable.ts'

const reach = (publicUrl: string | undefined, forgeUrl: string) => isReachable(publicUrl, forgeUrl)

test('a forge on the internet reaches public addresses alone', () => {
  for (const url of ['https://slipway.example.com', 'http://203.0.113.5:8080', 'https://[2001:db8::1]/x']) {
    assert.equal(reach(url, 'https://github.com'), true, url)
  }
  const unreachable = [
    undefined,
    'http://127.0.0.1:8080',
    'http://localhost',
    'http://a.localhost',
    'http://[::1]',
    'http://10.1.2.3',
    'http://192.168.1.2',
    'http://172.20.0.1',
    'http://169.254.1.1',
    'http://[fd00::1]',
    'http://build-server',
    'http://slipway.local',
    'http://slipway.home.arpa'
  ]
  for (const url of unreachable) assert.equal(reach(url, 'https://gitlab.com'), false, url)
})

test('a forge in the same network reaches private addresses, one on this machine everything', () => {
  assert.equal(reach('http://10.1.2.3', 'https://git.company.lan'), true)
  assert.equal(reach('http://127.0.0.1', 'https://git.company.lan'), false)
  assert.equal(reach('https://slipway.example.com', 'http://192.168.0.9'), true)
  assert.equal(reach('http://127.0.0.1:1', 'http://127.0.0.1:2'), true)
  assert.equal(reach('http://172.15.0.1', 'https://github.com'), true, 'not of the private range')
})
