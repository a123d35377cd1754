import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Failure, type ImageReference, pinnedReference } from '@slipway/domain'
import { collectLayers, keepRunning, startRegistry, waitFor } from '@slipway/machine'
import { createRegistryClient } from '@slipway/registry'
import { createLogger } from '@slipway/service'
import { createStore } from '@slipway/store'
import { pushOf, seedLive, specOf } from '@slipway/testing'
import { createCleanUp, type KeepRules } from './clean-up.ts'

const logger = createLogger('test', 'silent')
const signal = new AbortController().signal
const dayMs = 24 * 3600_000
const mediaType = 'application/vnd.docker.distribution.manifest.v2+json'
const keep: KeepRules = {
  deliveryDays: 30,
  auditDays: 400,
  buildDays: 90,
  buildsPerRepository: 1000,
  logDays: 30,
  logsPerRepository: 200,
  imageDays: 7,
  rollbacks: 1
}

async function installationForTest(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-clean-up-'))
  const { port, stop } = await startRegistry({ directory: join(directory, 'registry') })
  await stop()
  const options = { directory: join(directory, 'registry'), port }
  const server = await keepRunning({ name: 'registry', start: () => startRegistry(options), logger })
  const store = await createStore({ url: null, file: join(directory, 'store.sqlite') })
  const registry = createRegistryClient({})
  const clock = { now: Date.now() }
  const asked: string[] = []
  const cleanUp = createCleanUp({
    store,
    registry,
    collectLayers: (stop) => server.interrupt(() => collectLayers(options, stop)),
    askBuilders: async () => {
      asked.push('builders')
      return { removed: [{ what: 'mirrors and checkouts', count: 1, bytes: 5 }], problems: [] }
    },
    keep,
    isLeader: () => true,
    periodMs: 100,
    now: () => clock.now,
    logger
  })
  t.after(async () => {
    await cleanUp.close()
    await store.close()
    await server.stop()
    await rm(directory, { recursive: true })
  })

  /** Pushes an image of `hello` and brings it live. */
  async function version(character: string): Promise<ImageReference> {
    const repository = `127.0.0.1:${port}/alice/shop-hello`
    const parts = [Buffer.from('{}'), Buffer.from(character.repeat(50_000))].map((bytes) => ({
      digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
      size: bytes.length,
      open: () => new Blob([bytes]).stream()
    }))
    for (const part of parts) await registry.putBlob(repository, part, signal)
    const [config, layer] = parts.map(({ digest, size }) => ({ mediaType: 'x', digest, size }))
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] }))
    await registry.putManifest(`${repository}:${character}`, { mediaType, bytes }, signal)
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    const image = { repository, tag: character, digest }
    const [made] = await seedLive(store, pushOf(character.repeat(40)), [{ spec: specOf('hello'), image }], clock.now)
    for (const { id, status } of await store.deployments.running()) {
      if (status === 'draining') await store.deployments.end(id, 'ended', null, clock.now)
    }
    await store.images.save(made?.ownerId ?? '', `key-${character}`, image, clock.now)
    return image
  }
  const isThere = async (image: ImageReference) => (await registry.digest(pinnedReference(image), signal)) !== null
  return { store, cleanUp, clock, asked, version, isThere, registry }
}

test('images that nothing needs leave the registry with their layers; live ones and those kept for rollbacks stay', async (t) => {
  const { cleanUp, clock, version, isThere, asked } = await installationForTest(t)
  const [old, former, live] = [await version('a'), await version('b'), await version('c')]
  const none = await cleanUp.run({ builders: true }, signal)
  assert.deepEqual(asked, ['builders'])
  assert.deepEqual(
    none.removed.map(({ what }) => what),
    ['mirrors and checkouts'],
    'they were used a moment ago'
  )
  clock.now += 8 * dayMs
  const { removed, problems } = await cleanUp.run({ builders: false }, signal)
  assert.deepEqual(problems, [])
  assert.deepEqual(
    removed.map(({ what, count }) => [what, count]),
    [
      ['images in the registry', 1],
      ['layers in the registry', 0]
    ]
  )
  assert.ok((removed[1]?.bytes ?? 0) > 50_000)
  assert.deepEqual(await Promise.all([old, former, live].map(isThere)), [false, true, true])
})

test('it runs by itself a period after the start, and again after each', async (t) => {
  const { clock, version, isThere, store } = await installationForTest(t)
  const old = await version('a')
  await version('b')
  await version('c')
  await waitFor(async () => (await store.settings.get('clean-up.at')) !== null, { timeoutMs: 20_000 })
  clock.now += 8 * dayMs
  await waitFor(async () => !(await isThere(old).catch(() => true)), { timeoutMs: 20_000, what: 'the image to go' })
})

test('with the registry away the rest is cleaned up, and the image goes the next time', async (t) => {
  const { store, clock, version, isThere, registry } = await installationForTest(t)
  const old = await version('a')
  await version('b')
  await version('c')
  clock.now += 100 * dayMs
  let isAway = true
  const again = createCleanUp({
    store,
    registry: {
      removeManifest: (pinned, stop) =>
        isAway
          ? Promise.reject(new Failure('unavailable', 'the registry does not answer'))
          : registry.removeManifest(pinned, stop)
    },
    collectLayers: null,
    askBuilders: async () => ({ removed: [], problems: [] }),
    keep,
    isLeader: () => false,
    periodMs: 60_000,
    now: () => clock.now,
    logger
  })
  t.after(() => again.close())
  const first = await again.run({ builders: false }, signal)
  assert.deepEqual(first.problems, ['images in the registry: the registry does not answer'])
  assert.ok(first.removed.some(({ what }) => what === 'deliveries'))
  assert.ok(await isThere(old))
  isAway = false
  clock.now += 120_000
  const second = await again.run({ builders: false }, signal)
  assert.deepEqual(second, { removed: [{ what: 'images in the registry', count: 1, bytes: null }], problems: [] })
  assert.ok(!(await isThere(old)))
})

test('while a backup is under way nothing is taken away', async (t) => {
  const { store, cleanUp, clock } = await installationForTest(t)
  assert.ok(await store.settings.lease('clean-up', 'backup', 60_000, clock.now))
  await assert.rejects(
    cleanUp.run({ builders: true }, signal),
    (err) => err instanceof Failure && err.code === 'conflict' && /backup is under way/.test(err.message)
  )
})
