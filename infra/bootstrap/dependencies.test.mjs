import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureDependencies, findNode, isNewEnough } from './dependencies.mjs'
import { createMachine } from './machine.fixture.mjs'

const lock = (version) =>
  JSON.stringify({
    packages: { '': {}, 'node_modules/a': { version }, 'node_modules/b': { version: '1.0.0', optional: true } }
  })

test('npm ci runs when nothing is installed, and not a second time', async (t) => {
  const { root, say, said, npmCalls, env } = checkout(t)
  await ensureDependencies({ root, env, say })
  await ensureDependencies({ root, env, say })
  assert.equal(npmCalls(), 1)
  assert.equal(said.length, 1)
})

test('npm ci runs again when the lock file asks for something else', async (t) => {
  const { root, say, npmCalls, env } = checkout(t)
  await ensureDependencies({ root, env, say })
  writeFileSync(join(root, 'package-lock.json'), lock('2.0.0'))
  await ensureDependencies({ root, env, say })
  assert.equal(npmCalls(), 2)
})

test('what an npm install has installed is kept when it is what the lock file says', async (t) => {
  const { root, say, npmCalls, env } = checkout(t)
  mkdirSync(join(root, 'node_modules'))
  writeFileSync(join(root, 'node_modules/.package-lock.json'), lock('1.0.0'))
  await ensureDependencies({ root, env, say })
  assert.equal(npmCalls(), 0)
})

test('a failed npm ci stops with what npm said', async (t) => {
  const { root, say, env } = checkout(t, `console.log('no space left'); process.exit(1)`)
  await assert.rejects(ensureDependencies({ root, env, say }), /npm ci failed:\nno space left/)
})

test('Node 24.18 is the oldest that will do', () => {
  const versions = ['v18.20.0', 'v20.20.2', 'v24.17.9', 'v24.18.0', 'v24.21.0', 'v26.0.0', 'unknown']
  assert.deepEqual(versions.filter(isNewEnough), ['v24.18.0', 'v24.21.0', 'v26.0.0'])
})

test('the Node that npm brought is taken before the one of the machine, and an old one is passed over', async (t) => {
  const { root, bin, install } = createMachine(t)
  mkdirSync(join(root, 'node_modules'))
  install('node', '#!/bin/sh\necho v24.20.0\n')
  const env = { PATH: bin }
  const isOwnNewEnough = isNewEnough(process.version)
  assert.equal(await findNode({ root, env }), isOwnNewEnough ? process.execPath : join(bin, 'node'))
  mkdirSync(join(root, 'node_modules/.bin'))
  writeFileSync(join(root, 'node_modules/.bin/node'), '#!/bin/sh\necho v24.21.0\n', { mode: 0o755 })
  assert.equal(await findNode({ root, env }), join(root, 'node_modules/.bin/node'))
  rmSync(join(root, 'node_modules/.bin/node'))
  install('node', '#!/bin/sh\necho v20.0.0\n')
  if (!isOwnNewEnough) await assert.rejects(findNode({ root, env }), /Node 24\.18 or newer is needed/)
})

/** A repository with an npm that writes down that it was called and installs what the lock file says. */
function checkout(t, script) {
  const { root, say, said, state } = createMachine(t)
  writeFileSync(join(root, 'package-lock.json'), lock('1.0.0'))
  const log = state.file('npm')
  const npm = join(root, 'npm.js')
  const install = `
    const fs = require('node:fs')
    fs.mkdirSync('node_modules', { recursive: true })
    fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json')
    fs.mkdirSync(${JSON.stringify(state.home)}, { recursive: true })
    fs.appendFileSync(${JSON.stringify(log)}, 'called\\n')`
  writeFileSync(npm, script ?? install)
  return { root, say, said, env: { npm_execpath: npm }, npmCalls: () => state.lines('npm').length }
}
