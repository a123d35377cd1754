import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createEngine } from './engine.mjs'
import { createMachine, fakeApt, startFakeEngine } from './machine.fixture.mjs'
import { Stop } from './processes.mjs'
import { prepare } from './requirements.mjs'

const nothing = '#!/bin/sh\n'

test('a program that is installed is taken, and nothing is installed', async (t) => {
  const context = createMachine(t, { isRoot: true, programs: { git: nothing, 'apt-get': fakeApt({ packages: {} }) } })
  await prepare(['git'], context)
  assert.deepEqual(context.said, [`git is ${join(context.bin, 'git')}`])
})

test('a configured Redis makes an installed one unnecessary, but not for tests, which start their own', async (t) => {
  const context = createMachine(t, { env: { REDIS_URL: 'redis://elsewhere' } })
  await prepare(['redis'], context)
  assert.match(context.said[0], /REDIS_URL/)
  await assert.rejects(prepare(['redis'], { ...context, isForTests: true }), Stop)
})

test('without root a missing program stops with what to install and what to set', async (t) => {
  const context = createMachine(t, {
    programs: { 'apt-get': fakeApt({ packages: { 'redis-server': 'redis-server' } }) }
  })
  await assert.rejects(
    prepare(['redis'], context),
    /redis-server .*is missing.*apt-get install redis-server.*REDIS_URL/
  )
})

test('as root the package is installed, written down before, and told', async (t) => {
  const packages = { 'docker-registry': 'docker-registry' }
  const context = createMachine(t, { isRoot: true, programs: { 'apt-get': fakeApt({ packages }) } })
  await prepare(['registry'], context)
  assert.notEqual(context.machine.find('docker-registry'), null)
  assert.deepEqual(context.state.lines('installed-packages'), ['docker-registry'])
  assert.deepEqual(context.said, ['apt-get install docker-registry'])
  assert.match(readFileSync(join(context.bin, 'apt.log'), 'utf8'), /--no-install-recommends docker-registry/)
})

test('lists of packages that are too old are updated once', async (t) => {
  const packages = { git: 'git', postgresql: 'initdb' }
  const context = createMachine(t, { isRoot: true, programs: { 'apt-get': fakeApt({ packages, isOutdated: true }) } })
  await prepare(['git', 'postgres'], context)
  assert.deepEqual(context.said, ['apt-get update', 'apt-get install git', 'apt-get install postgresql'])
})

test('a package that no source has stops with its name', async (t) => {
  const context = createMachine(t, { isRoot: true, programs: { 'apt-get': fakeApt({ packages: {} }) } })
  await assert.rejects(prepare(['git'], context), /does not know git/)
})

test('a package that does not bring its program stops, and is not tried for ever', async (t) => {
  const context = createMachine(t, { isRoot: true, programs: { 'apt-get': fakeApt({ packages: { git: 'other' } }) } })
  await assert.rejects(prepare(['git'], context), /git is still missing/)
})

test('an image that can be pulled comes before a package of the operating system', async (t) => {
  const packages = { 'redis-server': 'redis-server' }
  const context = createMachine(t, { isRoot: true, programs: { 'apt-get': fakeApt({ packages }) } })
  const calls = await startFakeEngine(t, join(context.root, 'docker.sock'), (method) =>
    method === 'POST' ? { status: 'Pulling' } : undefined
  )
  const engine = createEngine(`unix://${join(context.root, 'docker.sock')}`)
  await prepare(['redis'], { ...context, engine })
  assert.equal(context.machine.find('redis-server'), null)
  assert.ok(calls.includes('POST /images/create?fromImage=docker.io/library/redis&tag=7-alpine'))
})

test('an image that cannot be pulled leads to the package', async (t) => {
  const packages = { 'redis-server': 'redis-server' }
  const context = createMachine(t, { isRoot: true, programs: { 'apt-get': fakeApt({ packages }) } })
  await startFakeEngine(t, join(context.root, 'docker.sock'), (method) =>
    method === 'POST' ? { error: 'no such host' } : undefined
  )
  const engine = createEngine(`unix://${join(context.root, 'docker.sock')}`)
  await prepare(['redis'], { ...context, engine })
  assert.notEqual(context.machine.find('redis-server'), null)
})
