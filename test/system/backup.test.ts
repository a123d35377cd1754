import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { waitFor } from '@slipway/machine'
import Docker from 'dockerode'
import { call, createScene, type Scene, saying, stackOf } from './scene.ts'
import { slipway } from './slipway-command.ts'

const docker = new Docker()
const key = { BACKUP_PASSPHRASE: 'a passphrase of the test' }

/** An installation with a registry of its own. */
async function sceneForTest(t: TestContext): Promise<Scene> {
  const scene = await createScene({ REGISTRY: '' })
  t.after(() => scene.close())
  return scene
}

const hello = (words: string) => ({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying(words) })

const sayingSecret = `const { readFileSync } = require('node:fs')
module.exports = async (event, context) =>
  context.status(200).succeed('two, ' + readFileSync('/var/openfaas/secrets/word', 'utf8'))
`

const answers = (scene: Scene, words: string) =>
  waitFor(async () => (await call(scene, '/function/alice-hello')).body === words, {
    timeoutMs: 60_000,
    what: `the function to answer "${words}"`
  })

/** Everything of the installation on this machine: containers, networks, images, and the state directory with the registry. */
async function destroyEverything(scene: Scene): Promise<void> {
  const filters = { label: [`com.slipway.installation=${scene.installation.endpoints.installation}`] }
  await scene.installation.kill()
  for (const { Id } of await docker.listContainers({ all: true, filters })) {
    await docker.getContainer(Id).remove({ force: true })
  }
  for (const { Id } of await docker.listNetworks({ filters })) await docker.getNetwork(Id).remove()
  for (const { Id } of await docker.listImages({ filters })) await docker.getImage(Id).remove({ force: true })
  await rm(join(scene.directory, 'home'), { recursive: true })
}

test('everything is destroyed and restored: functions answer without a build, and what was decided still holds', async (t) => {
  const scene = await sceneForTest(t)
  const repository = await scene.repository({ owner: 'alice' })
  await repository.ended(await repository.push(hello('one')), 180_000)
  const { api, endpoints } = scene.installation
  await api.putSecret({ owner: 'alice', name: 'word', values: { word: 'open sesame' } })
  const commit = await repository.push({
    'stack.yml': stackOf({ hello: { more: ['secrets:', '  - word'] } }),
    'hello/handler.js': sayingSecret
  })
  await repository.ended(commit)
  assert.equal((await call(scene, '/function/alice-hello')).body, 'two, open sesame')
  await api.pauseFunction({ owner: 'alice', name: 'hello' })
  const audited = (await api.listAudit({ limit: 200 })).items
  assert.ok(audited.some(({ action }) => action === 'pause'))
  const builds = (await api.listBuilds({})).items.map(({ id, status }) => ({ id, status }))
  const deliveries = (await api.listDeliveries({})).items.length

  const file = join(scene.directory, 'backup.age')
  assert.match(await slipway(scene, ['backup', file], key), /backup\.age: [\d.]+ MiB, 2 images\n$/)
  await destroyEverything(scene)
  assert.match(await slipway(scene, ['restore', file], key), /rows, 2 images\n/)
  await scene.restart()

  assert.equal(scene.installation.endpoints.installation, endpoints.installation)
  await answers(scene, 'two, open sesame')
  const after = scene.installation.api
  assert.deepEqual(
    (await after.listBuilds({})).items.map(({ id, status }) => ({ id, status })),
    builds,
    'nothing was built'
  )
  assert.equal((await after.listDeliveries({})).items.length, deliveries)
  const kept = (await after.listAudit({ limit: 200 })).items
  const restored = kept.find(({ action }) => action === 'restore')
  assert.deepEqual(kept.slice(-audited.length), audited, 'what was done before')
  assert.deepEqual([restored?.actor, restored?.resource], ['administrator', 'installation'])
  assert.ok(Date.parse(String(restored?.detail.backup)) <= (restored?.at ?? 0))
  assert.deepEqual(
    (await after.listOwners({})).items.map(({ slug }) => slug),
    ['alice']
  )
  assert.equal((await after.getFunction({ owner: 'alice', name: 'hello' })).isPaused, true)

  await after.resumeFunction({ owner: 'alice', name: 'hello' })
  const back = await after.rollback({ owner: 'alice', name: 'hello' })
  assert.equal((await repository.ended(back.commit)).status, 'live')
  assert.equal((await call(scene, '/function/alice-hello')).body, 'one')
  await after.resumeFunction({ owner: 'alice', name: 'hello' })
  assert.equal((await repository.ended(await repository.push(hello('three')))).status, 'live')
  assert.equal((await call(scene, '/function/alice-hello')).body, 'three')
})

test('after restoring an older backup nothing that runs is lost', async (t) => {
  const scene = await sceneForTest(t)
  const repository = await scene.repository({ owner: 'alice' })
  await repository.ended(await repository.push(hello('one')), 180_000)
  const file = join(scene.directory, 'backup.age')
  await slipway(scene, ['backup', file], key)
  const commit = await repository.push({
    ...hello('two'),
    'stack.yml': stackOf({ hello: {}, later: {} }),
    'later/handler.js': saying('later')
  })
  await repository.ended(commit)
  const { installation } = scene.installation.endpoints
  const running = async () =>
    (await docker.listContainers({ filters: { label: [`com.slipway.installation=${installation}`] } })).flatMap(
      ({ Labels }) => Labels['com.slipway.function'] ?? []
    )
  assert.ok((await running()).includes('later'))
  await scene.installation.stop()
  await assert.rejects(slipway(scene, ['restore', file], key), /holds an installation already.*--force/)
  assert.match(await slipway(scene, ['restore', file, '--force'], key), /what was there before is in .*before-restore-/)
  await scene.restart()
  await answers(scene, 'one')
  assert.ok((await running()).includes('later'), 'a function that the store does not know goes on running')
})
