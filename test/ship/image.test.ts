import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startRedis } from '@slipway/machine'
import { startPostgres } from '@slipway/testing'
import { call, createScene, saying, stackOf } from '../system/scene.ts'
import { buildServicesImage, imageBytes, removeImage, type ShippedInstallation, shipped } from './image.ts'

test('the image is built, every service of it runs in a container of its own, and a push goes live', async (t) => {
  await using opened = new AsyncDisposableStack()
  const image = `slipway/ship-test:${randomBytes(6).toString('hex')}`
  const start = performance.now()
  await buildServicesImage(image)
  opened.defer(() => removeImage(image))
  const mb = Math.round((await imageBytes(image)) / 1e6)
  t.diagnostic(`the image: ${mb} MB, built in ${((performance.now() - start) / 1000).toFixed(0)} s`)

  const directory = await mkdtemp(join(tmpdir(), 'slipway-ship-'))
  opened.defer(() => rm(directory, { recursive: true, force: true }))
  const redis = await startRedis({ directory })
  opened.defer(() => redis.stop())
  const postgres = await startPostgres()
  opened.defer(() => postgres.stop())
  const settings = { REDIS_URL: redis.url, DATABASE_URL: await postgres.makeDatabase() }
  const scene = await createScene(settings, shipped(image))
  opened.defer(() => scene.close())
  const installation = scene.installation as ShippedInstallation

  const repository = await scene.repository({ owner: 'alice' })
  const commit = await repository.push({
    'stack.yml': stackOf({ hello: {} }),
    'hello/handler.js': saying('from the image')
  })
  const { status, reason } = await repository.ended(commit, 120_000)
  assert.deepEqual([status, reason], ['live', null], await installation.logs('builder'))
  assert.equal((await call(scene, '/function/alice-hello')).body, 'from the image')

  const page = await fetch(`${installation.endpoints.api}/`, { headers: { accept: 'text/html' } })
  assert.match(await page.text(), /<script type="module"/)
  for (const service of ['deployer', 'builder', 'receiver', 'api', 'gateway']) {
    assert.equal(await installation.health(service), 'running healthy', service)
  }
})
