import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Failure, type ImageReference, pinnedReference } from '@slipway/domain'
import { createLogger } from '@slipway/service'
import { createStore } from '@slipway/store'
import { pushOf, seedPush } from '@slipway/testing'
import { createCleanUp } from './clean-up.ts'

const signal = new AbortController().signal
const dayMs = 24 * 3600_000

/** A clean-up of images that nothing needs, by a registry that answers as told. The oldest go first. */
async function createCleanUpForTest(
  t: TestContext,
  images: ImageReference[],
  removeManifest: (pinned: string) => Promise<boolean>
) {
  const store = await createStore({ url: null, file: ':memory:' })
  let time = Date.now()
  await seedPush(store, pushOf('a'.repeat(40)), time)
  const ownerId = (await store.owners.findBySlug('alice'))?.id ?? ''
  for (const [i, image] of images.entries()) {
    await store.images.save(ownerId, image.digest.slice(7, 20), image, time - (60 - i) * dayMs)
  }
  const asked: string[] = []
  const cleanUp = createCleanUp({
    store,
    registry: {
      removeManifest(pinned) {
        asked.push(pinned)
        return removeManifest(pinned)
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
    now: () => time,
    logger: createLogger('test', 'silent')
  })
  t.after(async () => {
    await cleanUp.close()
    await store.close()
  })
  const pass = (ms: number) => {
    time += ms
  }
  return { asked, pass, run: () => cleanUp.run({ builders: false }, signal) }
}

const imageOf = (host: string, number: number): ImageReference => ({
  repository: `${host}/alice/shop-hello`,
  tag: String(number),
  digest: `sha256:${String(number).padStart(2, '0').repeat(32)}`
})

test('a registry that was used before and is away keeps no image from being removed in the one that is used now', async (t) => {
  const images = [imageOf('former.test', 1), imageOf('former.test', 2), imageOf('registry.test', 3)]
  const { asked, run } = await createCleanUpForTest(t, images, async (pinned) => {
    if (pinned.startsWith('former.test/')) throw new Failure('unavailable', 'former.test does not answer')
    return true
  })
  const { problems } = await run()
  assert.deepEqual(problems, ['images in the registry: former.test does not answer'])
  // What is away is asked once, whichever of its images comes first.
  assert.deepEqual(
    asked.map((pinned) => pinned.split('/', 1)[0]),
    ['former.test', 'registry.test']
  )
  assert.ok(asked.includes(pinnedReference(imageOf('registry.test', 3))))
})

test('an image that its registry refuses to remove keeps no other one there, and all that were refused are told', async (t) => {
  const images = [1, 2, 3, 4].map((number) => imageOf('registry.test', number))
  const refused = new Map([1, 3].map((number) => [pinnedReference(imageOf('registry.test', number)), number]))
  const { asked, pass, run } = await createCleanUpForTest(t, images, async (pinned) => {
    const number = refused.get(pinned)
    if (number !== undefined) throw new Failure('bad-gateway', `registry.test answered 500 for image ${number}`)
    return true
  })
  const { problems } = await run()
  assert.deepEqual(asked, images.map(pinnedReference))
  assert.deepEqual(problems, [
    'images in the registry: registry.test answered 500 for image 1; registry.test answered 500 for image 3'
  ])
  // They are tried again the next time, and the others are gone.
  const before = asked.length
  pass(dayMs)
  await run()
  assert.deepEqual(new Set(asked.slice(before)), new Set(refused.keys()))
})

test('a registry that refuses one image after the other is left alone for this time', async (t) => {
  const images = Array.from({ length: 40 }, (_, number) => imageOf('registry.test', number))
  const { asked, run } = await createCleanUpForTest(t, images, (pinned) =>
    Promise.reject(new Failure('forbidden', `not ${asked.indexOf(pinned)}`))
  )
  const { problems } = await run()
  assert.equal(asked.length, 20)
  assert.deepEqual(problems, ['images in the registry: not 0; not 1; not 2; not 3; not 4; and 15 more'])
})
