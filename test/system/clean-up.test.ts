import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { CleanUpView } from '@slipway/client'
import { pinnedReference } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { createRegistryClient } from '@slipway/registry'
import { call, createScene, type Scene, saying, stackOf } from './scene.ts'
import { slipway } from './slipway-command.ts'

const signal = new AbortController().signal

/** An installation with a registry of its own, which keeps almost nothing. */
async function sceneForTest(t: TestContext): Promise<Scene> {
  const scene = await createScene({ REGISTRY: '', KEEP_ROLLBACKS: '1', KEEP_IMAGES_DAYS: '0', KEEP_LOGS: '2' })
  t.after(() => scene.close())
  return scene
}

async function adminGc(scene: Scene): Promise<CleanUpView> {
  return JSON.parse(await slipway(scene, ['admin', 'gc', '--json'])) as CleanUpView
}

test('what is not kept goes on request, also in the middle of builds; what is live and what can be gone back to stays', async (t) => {
  const scene = await sceneForTest(t)
  const repository = await scene.repository({ owner: 'alice' })
  const { api } = scene.installation
  const push = (words: string) =>
    repository.push({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying(words) })
  for (const words of ['one', 'two', 'three']) assert.equal((await repository.ended(await push(words))).status, 'live')
  // What still finishes a request keeps its image, and is one to go back to once it has.
  await waitFor(
    async () =>
      (await api.listDeployments({ owner: 'alice', name: 'hello' })).items
        .slice(1)
        .every(({ status }) => status === 'ended'),
    { timeoutMs: 70_000, what: 'the former versions to end' }
  )
  const report = await adminGc(scene)
  assert.deepEqual(report.problems, [])
  const removed = new Map(report.removed.map((each) => [each.what, each]))
  assert.equal(removed.get('images in the registry')?.count, 1)
  assert.ok((removed.get('layers in the registry')?.bytes ?? 0) > 0)
  assert.equal(removed.get('build logs')?.count, 1)
  assert.equal((await call(scene, '/function/alice-hello')).body, 'three')
  const images = (await api.listDeployments({ owner: 'alice', name: 'hello' })).items.map(({ image }) => image)
  const registry = createRegistryClient({})
  const there = await Promise.all(images.map((image) => registry.digest(pinnedReference(image), signal)))
  assert.deepEqual(
    there.map((digest) => digest !== null),
    [true, true, false]
  )

  const commit = await push('four')
  const ended = repository.ended(commit)
  let isEnded = false
  void ended.finally(() => {
    isEnded = true
  })
  let runs = 0
  while (!isEnded) {
    await adminGc(scene)
    runs += 1
  }
  assert.ok(runs > 0)
  const { status, attempt, id: buildId } = await ended
  const log = await Array.fromAsync(api.followLog(buildId, { follow: false }))
  assert.deepEqual([status, attempt], ['live', 0], log.map(({ text }) => text).join('\n'))
  assert.equal((await call(scene, '/function/alice-hello')).body, 'four')

  const { id } = await api.rollback({ owner: 'alice', name: 'hello' })
  assert.equal((await scene.ended(id)).status, 'live')
  assert.equal((await call(scene, '/function/alice-hello')).body, 'three')
})
