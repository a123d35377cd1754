import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { clean } from './clean.mjs'
import { ensureDocker, programOf } from './docker.mjs'
import { createMachine, fakeApt, startFakeEngine } from './machine.fixture.mjs'

/** Answers like an engine on the socket beside its own directory. */
const dockerd = `#!${process.execPath}
const http = require('node:http')
const path = require('node:path')
process.title = 'dockerd'
console.log('dockerd began')
const server = http.createServer((req, res) => res.end(req.url === '/version' ? '{"Version":"20.10"}' : '[]'))
server.listen(path.join(path.dirname(process.argv[1]), '..', 'docker.sock'))
process.on('SIGTERM', () => process.exit(0))
`

test('an engine that answers is taken', async (t) => {
  const context = createMachine(t)
  await startFakeEngine(t, context.machine.dockerSockets[0], () => undefined)
  const engine = await ensureDocker(context)
  assert.equal(engine.address, `unix://${context.machine.dockerSockets[0]}`)
})

test('a configured engine that does not answer is told, and no other is taken', async (t) => {
  const context = createMachine(t, { env: { DOCKER_HOST: 'unix:///nowhere/docker.sock' } })
  await startFakeEngine(t, context.machine.dockerSockets[0], () => undefined)
  await assert.rejects(ensureDocker(context), /DOCKER_HOST unix:\/\/\/nowhere\/docker\.sock does not answer \(ENOENT\)/)
})

test('an address that is none is refused', async (t) => {
  const context = createMachine(t, { env: { DOCKER_HOST: 'ssh://somewhere' } })
  await assert.rejects(ensureDocker(context), /must begin with unix:\/\/ or tcp:\/\//)
})

test('without an engine, root and apt-get it names what to install', async (t) => {
  await assert.rejects(ensureDocker(createMachine(t)), /apt-get install docker\.io.*DOCKER_HOST/)
})

test('without root an installed engine is not started, but told how to', async (t) => {
  const context = createMachine(t, { programs: { dockerd } })
  await assert.rejects(ensureDocker(context), /start it as root/)
})

test('where systemd is missing an installed engine is started by hand, outlives us, and --clean stops it', async (t) => {
  const context = createMachine(t, { isRoot: true, programs: { dockerd } })
  const { state } = context
  await ensureDocker(context)
  const pid = Number(readFileSync(state.file('docker/dockerd.pid'), 'utf8'))
  t.after(() => {
    if (programOf(pid) === 'dockerd') process.kill(pid, 'SIGKILL')
  })
  assert.equal(programOf(pid), 'dockerd')
  assert.match(readFileSync(state.file('docker/dockerd.log'), 'utf8'), /dockerd began/)

  await clean({ state, machine: context.machine, say: context.say })
  assert.notEqual(programOf(pid), 'dockerd')
  assert.equal(existsSync(state.home), false)
})

test('an engine that ends at once is told with the end of its log', async (t) => {
  const context = createMachine(t, {
    isRoot: true,
    programs: { dockerd: '#!/bin/sh\necho "no cgroups here"\nexit 3\n' }
  })
  await assert.rejects(ensureDocker(context), /exit code 3.*no cgroups here/s)
})

test('a second engine is never started', async (t) => {
  const context = createMachine(t, { isRoot: true, programs: { dockerd } })
  context.machine.findProcess = (name) => (name === 'dockerd' ? '4711' : null)
  await assert.rejects(ensureDocker(context), /process 4711.*set DOCKER_HOST/)
})

test('a missing engine is installed as root; one that still is missing stops', async (t) => {
  const packages = { 'docker.io': 'docker' }
  const context = createMachine(t, { isRoot: true, programs: { 'apt-get': fakeApt({ packages }) } })
  await assert.rejects(ensureDocker(context), /dockerd is still missing/)
  assert.deepEqual(context.said, ['apt-get install docker.io'])
})
