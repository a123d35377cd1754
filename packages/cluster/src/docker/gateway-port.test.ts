import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasWildcardListener } from './gateway-port.ts'

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
const row = (local: string, state = '0A') =>
  `${head}\n   1: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 28078731 1 0 100 0 0 10 0\n`

test('a program that listens on a port of every address is seen, of either family', () => {
  assert.equal(hasWildcardListener(row('00000000:1F90'), 8080), true)
  assert.equal(hasWildcardListener(row(`${'0'.repeat(32)}:1F90`), 8080), true)
  assert.equal(hasWildcardListener(row('00000000:0050'), 80), true)
})

test('one on a certain address, on another port, or a connection is none', () => {
  assert.equal(hasWildcardListener(row('0100007F:1F90'), 8080), false)
  assert.equal(hasWildcardListener(row('00000000:1F91'), 8080), false)
  assert.equal(hasWildcardListener(row('00000000:1F90', '01'), 8080), false)
  assert.equal(hasWildcardListener('', 8080), false)
})
