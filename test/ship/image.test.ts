import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { waitFor } from '@slipway/machine'
import { call, createScene, saying, stackOf } from '../system/scene.ts'
import { createComposed } from './composed.ts'
import { buildServicesImage, healthCheckOf, imageBytes, removeImage, root } from './image.ts'

const run = promisify(execFile)
const seconds = (since: number) => ((performance.now() - since) / 1000).toFixed(0)

test('the image is built, the compose file starts everything of it, a push and a folder go live, and nothing is left', async (t) => {
  await using opened = new AsyncDisposableStack()
  const image = `slipway/ship-test:${randomBytes(6).toString('hex')}`
  const builtAt = performance.now()
  await buildServicesImage(image)
  opened.defer(() => removeImage(image))
  const mb = Math.round((await imageBytes(image)) / 1e6)
  t.diagnostic(`the image: ${mb} MB, built in ${seconds(builtAt)} s`)
  const { interval, timeout, startPeriod, retries } = await healthCheckOf(image)
  const longest = startPeriod + retries * (interval + timeout)
  assert.ok(longest <= 90, `a service that never gets well is told after ${longest} s`)

  const directory = await mkdtemp(join(tmpdir(), 'slipway-ship-'))
  opened.defer(() => rm(directory, { recursive: true, force: true }))
  const composed = await createComposed(image, directory)
  const startedAt = performance.now()
  const scene = await createScene({ REGISTRY: composed.registry }, composed.start)
  const closing = opened.use(new AsyncDisposableStack())
  closing.defer(() => scene.close())
  t.diagnostic(`eight containers are healthy ${seconds(startedAt)} s after "compose up"`)

  const repository = await scene.repository({ owner: 'alice' })
  const commit = await repository.push({
    'stack.yml': stackOf({ hello: {} }),
    'hello/handler.js': saying('from the image')
  })
  const { status, reason } = await repository.ended(commit, 120_000)
  assert.deepEqual([status, reason], ['live', null], await composed.logs('builder'))
  assert.equal((await call(scene, '/function/alice-hello')).body, 'from the image')

  // What is sent lies on a volume that api and builder share.
  const { api, token } = { api: scene.installation.endpoints.api, token: await composed.token() }
  await scene.installation.api.addOwner({ slug: 'carol' })
  const folder = join(directory, 'folder')
  const files = { 'stack.yml': stackOf({ greet: {} }), 'greet/handler.js': saying('from a folder') }
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  await run(process.execPath, [join(root, 'services/cli/src/main.ts'), 'deploy', folder, '--owner', 'carol'], {
    env: { ...process.env, SLIPWAY_HOME: join(directory, 'home'), SLIPWAY_URL: api, SLIPWAY_TOKEN: token }
  })
  await waitFor(async () => (await call(scene, '/function/carol-greet')).body === 'from a folder', {
    timeoutMs: 30_000,
    what: 'the gateway to serve what was sent'
  })

  const page = await fetch(`${api}/`, { headers: { accept: 'text/html' } })
  assert.match(await page.text(), /<script type="module"/)
  assert.deepEqual(await composed.containers(), [
    'api running healthy',
    'builder running healthy',
    'deployer running healthy',
    'gateway running healthy',
    'postgresql running healthy',
    'receiver running healthy',
    'redis running healthy',
    'registry running'
  ])
  await closing.disposeAsync()
  assert.deepEqual(await composed.objects(), [])
})
