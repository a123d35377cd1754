import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@slipway/domain'
import type Docker from 'dockerode'
import { plant } from '../context/checkout.fixture.ts'
import { prepareIn, stackOf } from '../context/prepare.fixture.ts'
import { aBuild, startEngine } from '../engine/engine.fixture.ts'
import { makeNodeBase } from './base-image.fixture.ts'

const { signal } = new AbortController()

/** A function with a dependency that lies in its own folder, a lock file, and a test of its own. */
const files = {
  'stack.yml': stackOf('node22'),
  'fn/handler.js':
    'const greet = require("greet")\nmodule.exports = async (event, context) => context.status(200).succeed(greet(event.body.name))\n',
  'fn/package.json': JSON.stringify({
    name: 'fn',
    version: '1.0.0',
    scripts: { test: 'node --test' },
    dependencies: { greet: 'file:./greet' }
  }),
  'fn/package-lock.json': JSON.stringify({
    name: 'fn',
    version: '1.0.0',
    lockfileVersion: 3,
    packages: {
      '': { name: 'fn', version: '1.0.0', dependencies: { greet: 'file:./greet' } },
      greet: { version: '1.0.0' },
      'node_modules/greet': { resolved: 'greet', link: true }
    }
  }),
  'fn/greet/package.json': '{ "name": "greet", "version": "1.0.0", "main": "index.js" }',
  'fn/greet/index.js': 'module.exports = (name) => ({ hello: name })\n',
  'fn/greet.test.js':
    'require("node:test")("greets", () => require("node:assert").deepEqual(require("greet")("x"), { hello: "x" }))\n'
}

test('a function with dependencies and tests becomes an image that answers', async (t) => {
  const { docker, label } = await startEngine(t)
  const baseImages = { node: { reference: await makeNodeBase(docker, label), id: 'sha256:base' } }
  for (const mode of ['buildkit', 'classic'] as const) {
    await t.test(mode, async (t) => {
      const { engine, label } = await startEngine(t, { mode })
      const make = async (changes: Record<string, string>) => {
        const { tar, dockerfile, buildArgs } = await prepareIn(plant(t, { ...files, ...changes }), { baseImages })
        const { build, text } = aBuild({}, { tar, dockerfile, buildArgs })
        return { build, text, ended: engine.build(build, signal) }
      }
      const good = await make({})
      await good.ended
      assert.match(good.text(), /greets/)
      assert.deepEqual(await callImage(docker, good.build.reference, label), { hello: 'world' })

      const bad = await make({ 'fn/greet/index.js': 'module.exports = () => "broken"\n' })
      await assert.rejects(bad.ended, (err) => err instanceof Failure && err.code === 'build-failed')
      assert.match(bad.text(), /fail 1/)
    })
  }
})

/** Starts a container as a function runs, with a read-only root and as the image's own user, and calls it. */
async function callImage(docker: Docker, image: string, label: string): Promise<unknown> {
  const [key = '', value = ''] = label.split('=')
  const container = await docker.createContainer({
    Image: image,
    Labels: { [key]: value },
    HostConfig: { ReadonlyRootfs: true, CapDrop: ['ALL'], Memory: 128 * 1024 ** 2, Tmpfs: { '/tmp': '' } }
  })
  try {
    await container.start()
    const { Config, NetworkSettings } = await container.inspect()
    assert.equal(Config.User, '10001:10001')
    const url = `http://${NetworkSettings.Networks.bridge?.IPAddress}:8080`
    for (let left = 50; !(await isReady(url)); left--) {
      assert.ok(left > 0, 'never ready')
      await sleep(100)
    }
    const headers = { 'content-type': 'application/json' }
    return await (await fetch(url, { method: 'POST', body: '{"name":"world"}', headers })).json()
  } finally {
    await container.remove({ force: true })
  }
}

function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/_/ready`).then(
    ({ ok }) => ok,
    () => false
  )
}
