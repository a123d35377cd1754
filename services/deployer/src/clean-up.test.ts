import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure, type ImageReference, pinnedReference } from '@slipway/domain'
import { createLogger } from '@slipway/service'
import { createStore } from '@slipway/store'
import { pushOf, seedPush } from '@slipway/testing'
import { createCleanUp } from './clean-up.ts'

const signal = new AbortController().signal
const dayMs = 24 * 3600_000

test('a registry that was used before and is away keeps no image from being removed in the one that is used now', async (t) => {
  const store = await createStore({ url: null, file: ':memory:' })
  const now = Date.now()
  await seedPush(store, pushOf('a'.repeat(40)), now)
  const ownerId = (await store.owners.findBySlug('alice'))?.id ?? ''
  const imageOf = (host: string, character: string): ImageReference => ({
    repository: `${host}/alice/shop-hello`,
    tag: character,
    digest: `sha256:${character.repeat(64)}`
  })
  const images = [imageOf('former.test', 'a'), imageOf('former.test', 'b'), imageOf('registry.test', 'c')]
  // The oldest go first.
  for (const [i, image] of images.entries()) await store.images.save(ownerId, image.tag, image, now - (20 - i) * dayMs)
  const asked: string[] = []
  const cleanUp = createCleanUp({
    store,
    registry: {
      async removeManifest(pinned) {
        asked.push(pinned)
        if (pinned.startsWith('former.test/')) throw new Failure('unavailable', 'former.test does not answer')
        return true
      }
    },
    collectLayers: null,
    askBuilders: async () => ({ removed: [], problems: [] }),
    keep: {
      deliveryDays: 30,
      auditDays: 400,
      buildDays: 90,
      buildsPerRepository: 1000,
      logDays: 30,
      logsPerRepository: 200,
      imageDays: 7,
      rollbacks: 1
    },
    isLeader: () => false,
    periodMs: 3600_000,
    now: () => now,
    logger: createLogger('test', 'silent')
  })
  t.after(async () => {
    await cleanUp.close()
    await store.close()
  })
  const { problems } = await cleanUp.run({ builders: false }, signal)
  assert.deepEqual(problems, ['images in the registry: former.test does not answer'])
  // What is away is asked once, whichever of its images comes first.
  assert.deepEqual(
    asked.map((pinned) => pinned.split('/', 1)[0]),
    ['former.test', 'registry.test']
  )
  assert.ok(asked.includes(pinnedReference(imageOf('registry.test', 'c'))))
})
