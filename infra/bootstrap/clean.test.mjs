import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { clean } from './clean.mjs'
import { createMachine, startFakeEngine } from './machine.fixture.mjs'

test('only what carries the label of a recorded installation is removed, and packages are told and left', async (t) => {
  const { machine, root, state, say, said } = createMachine(t)
  state.addLines('installations', ['mine'])
  state.addLines('made-images', ['slipway/base-node:1'])
  state.addLines('installed-packages', ['redis-server', 'git'])
  const socket = join(root, 'docker.sock')
  const calls = await startFakeEngine(t, socket, (method, path, url) => {
    if (method === 'GET')
      return path === '/volumes' ? { Volumes: [] } : url.includes('=mine') ? [{ Id: `${path}-1` }] : []
    return {}
  })
  await clean({ state, machine, say })
  assert.equal(existsSync(state.home), false)
  assert.deepEqual(
    calls.filter((call) => call.startsWith('DELETE')).map((call) => call.split('?')[0]),
    [
      'DELETE /containers//containers/json-1',
      'DELETE /networks//networks-1',
      'DELETE /images//images/json-1',
      'DELETE /images/slipway/base-node:1'
    ]
  )
  assert.ok(
    calls
      .filter((call) => call.startsWith('GET') && call.includes('filters'))
      .every(
        (call) => call.includes('com.slipway.installation=mine') || call.includes(`com.slipway.server=${state.home}/`)
      )
  )
  assert.match(said.at(-1), /left installed .*: redis-server git$/)
})

test('nothing is removed while a process works with the state directory', async (t) => {
  const { machine, state, say } = createMachine(t)
  state.addLines('installations', ['mine'])
  writeFileSync(state.file('lock'), JSON.stringify({ pid: process.pid }))
  await assert.rejects(clean({ state, machine, say }), new RegExp(`process ${process.pid} still works`))
  assert.equal(existsSync(state.home), true)
})

test('without its engine the record of what is in it is kept', async (t) => {
  const { machine, state, say } = createMachine(t)
  state.addLines('installations', ['mine'])
  await assert.rejects(clean({ state, machine, say }), /Docker engine does not answer/)
  assert.deepEqual(state.lines('installations'), ['mine'])
})

test('cleaning a second time is no error', async (t) => {
  const { machine, root, state, say } = createMachine(t)
  const socket = join(root, 'docker.sock')
  await startFakeEngine(t, socket, (_method, path) => (path === '/volumes' ? {} : []))
  await clean({ state, machine, say })
  await clean({ state, machine, say })
})

test('the firewall goes when no network of any installation is left, and stays before', async (t) => {
  const iptables = '#!/bin/sh\necho "$*" >> "$(dirname "$0")/iptables.log"\n'
  // Two pools, so two rules of each kind, and then there are no more.
  const ip =
    '#!/bin/sh\necho "$*" >> "$(dirname "$0")/ip.log"\n[ $(grep -cx -- "$*" "$(dirname "$0")/ip.log") -le 2 ]\n'
  const { machine, bin, root, state, say } = createMachine(t, { isRoot: true, programs: { iptables, ip } })
  let networks = [{ Id: 'of-another-installation' }]
  await startFakeEngine(t, join(root, 'docker.sock'), (_method, path) =>
    path === '/networks' ? networks : path === '/volumes' ? {} : []
  )
  await clean({ state, machine, say })
  assert.equal(existsSync(join(bin, 'iptables.log')), false)
  networks = []
  await clean({ state, machine, say })
  const calls = readFileSync(join(bin, 'iptables.log'), 'utf8').trim().split('\n')
  assert.deepEqual(calls.slice(0, 3), [
    '-w -D INPUT -i slw+ -j SLIPWAY-INPUT',
    '-w -F SLIPWAY-INPUT',
    '-w -X SLIPWAY-INPUT'
  ])
  assert.equal(calls.length, 6)
  const rules = readFileSync(join(bin, 'ip.log'), 'utf8').trim().split('\n')
  const refuse = '-4 rule del unreachable preference 20201'
  const look = '-4 rule del lookup main suppress_prefixlength 0 preference 20200'
  assert.deepEqual(rules, [refuse, refuse, refuse, look, look, look])
})
