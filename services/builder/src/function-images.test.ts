import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure, type ImageReference } from '@slipway/domain'
import { specOf } from '@slipway/testing'
import type { ImageEngine } from './engine/image-engine.ts'
import { createFunctionImages, type FunctionImagesDeps, type PlannedFunction } from './function-images.ts'
import type { LogWriter } from './log-writer.ts'
import { parse } from './stack/stack.fixture.ts'
import type { HeldClaim } from './stack-secrets.ts'

const digest = `sha256:${'a'.repeat(64)}`
const never = new AbortController().signal
const log = { write: () => undefined } as unknown as LogWriter
const claim = {
  holder: 'w',
  build: { ownerId: 'alice', noCache: false },
  repository: { name: 'shop' },
  ownerSlug: 'alice'
} as unknown as HeldClaim

function planned(contentKey: string): PlannedFunction {
  const context = { contentKey, tar: () => Buffer.alloc(0), dockerfile: 'Dockerfile', buildArgs: {}, files: 1 }
  return {
    spec: specOf('hello'),
    templateSource: 'built in',
    context: context as unknown as NonNullable<PlannedFunction['context']>,
    buildSecrets: [],
    image: null,
    warnings: []
  }
}

/** Images that are only names; the calls of the engine that are given are the test's own. */
function createImagesForTest(
  { build, push, exists, layers }: Partial<Pick<ImageEngine, 'build' | 'push' | 'exists' | 'layers'>>,
  pushMs = 60_000,
  atRegistry: FunctionImagesDeps['atRegistry'] = (work) => work()
) {
  const removed: string[] = []
  const saved = new Map<string, ImageReference>()
  const engine: Partial<ImageEngine> = {
    build: build ?? (() => Promise.resolve({ imageId: 'sha256:1' })),
    push: push ?? (() => Promise.resolve(digest)),
    platform: () => Promise.resolve('linux/amd64'),
    exists: exists ?? (() => Promise.resolve(true)),
    layers: layers ?? (() => Promise.resolve([])),
    remove: async (reference) => void removed.push(reference)
  }
  const images: FunctionImagesDeps['store']['images'] = {
    find: async (_ownerId, contentKey) => saved.get(contentKey) ?? null,
    save: async (_ownerId, contentKey, image) => void saved.set(contentKey, image),
    assertRoom: async () => undefined,
    forget: async () => undefined
  }
  const made = createFunctionImages({
    store: { images },
    engine: engine as ImageEngine,
    templates: {} as FunctionImagesDeps['templates'],
    bases: {},
    registry: 'registry.test',
    layout: 'nested',
    atRegistry,
    imageRegistries: [],
    isolation: 'shared',
    diskBytes: 1e9,
    timeoutMs: 60_000,
    secretsForBuild: () => Promise.resolve(new Map()),
    limits: { pullMs: 60_000, pushMs },
    now: Date.now
  })
  return { images: made, removed, saved }
}

const hangs = (_what: unknown, _onLog: unknown, signal: AbortSignal): Promise<never> =>
  sleep(60_000, undefined, { signal }).then(() => assert.fail('nobody ended it'))

test('an image whose push is cancelled does not stay in the engine, and is not known', async () => {
  const begun = Promise.withResolvers<void>()
  const { images, removed, saved } = createImagesForTest({
    push: (reference, onLog, signal) => {
      begun.resolve()
      return hangs(reference, onLog, signal)
    }
  })
  const abort = new AbortController()
  const making = images.make(planned('k1'), claim, log, abort.signal)
  making.catch(() => {}) // looked at below
  await begun.promise
  const reason = new Failure('cancelled', 'enough')
  abort.abort(reason)
  await assert.rejects(making, (err) => err === reason)
  assert.deepEqual([removed, saved.size], [['registry.test/alice/shop-hello:k1'], 0])
})

test('a push that takes too long is tried again, and says which setting says so', async () => {
  const { images, removed } = createImagesForTest({ push: hangs }, 200)
  await assert.rejects(images.make(planned('k1'), claim, log, never), (err) => {
    assert.ok(err instanceof Failure && err.retry)
    assert.match(
      err.message,
      /^pushing registry\.test\/.* took longer than 0\.2 s, the limit that PUSH_TIMEOUT_MS sets$/
    )
    return true
  })
  assert.deepEqual(removed, [], 'the next try pushes it')
})

test('an image that left the engine before it was pushed is nobody’s fault but ours', async () => {
  const gone = new Failure('image-missing', 'there is no such image')
  const { images } = createImagesForTest({ push: () => Promise.reject(gone) })
  await assert.rejects(
    images.make(planned('k1'), claim, log, never),
    (err) => err instanceof Failure && err.code === 'unavailable' && err.cause === gone
  )
})

test('who waits for another build of the same content may give up, and that one goes on', async () => {
  const building = Promise.withResolvers<{ imageId: string }>()
  const { images } = createImagesForTest({ build: () => building.promise })
  const first = images.make(planned('k1'), claim, log, never)
  await sleep(5)
  const abort = new AbortController()
  const second = images.make(planned('k1'), claim, log, abort.signal)
  second.catch(() => {}) // looked at below
  await sleep(5)
  const reason = new Failure('cancelled', 'enough')
  abort.abort(reason)
  await assert.rejects(second, (err) => err === reason)
  building.resolve({ imageId: 'sha256:1' })
  assert.equal((await first).isReused, false)
  assert.equal((await images.make(planned('k1'), claim, log, never)).isReused, true)
})

test('skip_build takes images of the owner’s own part of the registry, and no other owner’s however it is written', async () => {
  const { images } = createImagesForTest({})
  const plan = (reference: string) =>
    images.plan(
      parse(`functions:\n  a:\n    skip_build: true\n    image: ${reference}\n`),
      { checkout: '/none', secrets: { of: () => assert.fail('none is asked for') }, claim },
      never
    )
  const [own] = await plan(`registry.test/${claim.ownerSlug}/shop-hello:1`)
  assert.equal(own?.image, `registry.test/${claim.ownerSlug}/shop-hello:1`)
  for (const other of [
    'registry.test/bob/x:1',
    `registry.test/${claim.ownerSlug}x/y:1`,
    `registry.test/${claim.ownerSlug}/../bob/x:1`,
    `registry.test/${claim.ownerSlug}//x:1`,
    `${claim.ownerSlug}/x:1`,
    'elsewhere.test/x:1'
  ]) {
    await assert.rejects(plan(other), { code: 'unsupported' }, other)
  }
})

test('the registry is asked nothing while its layers are collected', async () => {
  let uses = 0
  const asked: string[] = []
  const ask =
    <T>(what: string, answer: T) =>
    async () => {
      assert.equal(uses, 1, what)
      asked.push(what)
      return answer
    }
  const { images } = createImagesForTest(
    { push: ask('push', digest), exists: ask('exists', true), layers: ask('layers', []) },
    60_000,
    async (work) => {
      uses += 1
      return work().finally(() => (uses -= 1))
    }
  )
  await images.make(planned('k1'), claim, log, never)
  await images.make(planned('k1'), claim, log, never)
  assert.deepEqual(asked, ['push', 'layers', 'exists'])
})
