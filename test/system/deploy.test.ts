import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isTerminal } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { call, callAllTheTime, createScene, type Scene, saying, stackOf } from './scene.ts'
import { slipway } from './slipway-command.ts'

const cli = fileURLToPath(new URL('../../services/cli/src/main.ts', import.meta.url))

let scene: Scene

before(async () => {
  scene = await createScene()
  await slipway(scene, ['admin', 'owners', 'add', 'carol'])
})
after(() => scene.close())

/** A folder to be deployed, under a name of its own. */
async function folderOf(name: string, files: Record<string, string>): Promise<string> {
  const folder = join(scene.directory, 'folders', name)
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return folder
}

function deploy(folder: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, SLIPWAY_HOME: join(scene.directory, 'home') }
  return new Promise((resolve) => {
    const all = [cli, 'deploy', folder, '--owner', 'carol', ...args]
    execFile(process.execPath, all, { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
    })
  })
}

async function answers(path: string, words: string): Promise<void> {
  await waitFor(async () => (await call(scene, path)).body === words, { timeoutMs: 30_000, what: `"${words}"` })
}

test('a folder goes live without a forge, changes, fails with file and line, and is rolled back', async (t) => {
  const folder = await folderOf('shop', { 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying('one') })
  const first = await deploy(folder)
  assert.equal(first.code, 0, first.stderr)
  assert.match(
    first.stdout,
    /sent 2 files[^]*hello: |carol\/hello is live: http:\/\/127\.0\.0\.1:\d+\/function\/carol-hello\n$/
  )
  await answers('/function/carol-hello', 'one')
  const client = callAllTheTime(scene, '/function/carol-hello')
  t.after(() => client.stop())

  await folderOf('shop', { 'hello/handler.js': saying('two') })
  const second = await deploy(folder)
  assert.equal(second.code, 0, second.stderr)
  await answers('/function/carol-hello', 'two')

  await folderOf('shop', { 'stack.yml': `${stackOf({ hello: {} })}    handlr: typo\n` })
  const broken = await deploy(folder)
  assert.equal(broken.code, 1)
  assert.match(broken.stderr, /is failed: stack\.yml:8:5: /)
  assert.equal((await call(scene, '/function/carol-hello')).body, 'two')
  const { calls, failed } = await client.stop()
  assert.ok(calls > 10)
  assert.deepEqual(failed, [])

  await slipway(scene, ['rollback', 'carol/hello'])
  await answers('/function/carol-hello', 'one')
  const { live } = await scene.installation.api.getFunction({ owner: 'carol', name: 'hello' })
  assert.equal(live?.source, 'api')
})

test('a push and a folder do not take each other’s functions, and a rebuild needs no folder', async () => {
  const repository = await scene.repository({ owner: 'dave' })
  const commit = await repository.push({ 'stack.yml': stackOf({ site: {} }), 'site/handler.js': saying('from git') })
  assert.equal((await repository.ended(commit)).status, 'live')
  const taken = await folderOf('taken', { 'stack.yml': stackOf({ site: {} }), 'site/handler.js': saying('mine') })
  const refused = await deploy(taken, '--owner', 'dave')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /"site" belongs to repository dave\/shop/)
  const own = await folderOf('own', {
    'stack.yml': stackOf({ extra: {} }),
    'extra/handler.js': saying('from a folder')
  })
  assert.equal((await deploy(own, '--owner', 'dave')).code, 0)
  const next = await repository.push({ 'site/handler.js': saying('from git again') })
  assert.equal((await repository.ended(next)).status, 'live')
  await answers('/function/dave-site', 'from git again')
  await answers('/function/dave-extra', 'from a folder')
  const [build] = (await scene.installation.api.listBuilds({ owner: 'dave', commit: await commitOf('extra') })).items
  assert.equal(build?.trigger, 'api')
  await slipway(scene, ['rebuild', build?.id ?? '', '--no-cache'])
  await answers('/function/dave-extra', 'from a folder')

  async function commitOf(name: string): Promise<string> {
    return (await scene.installation.api.getFunction({ owner: 'dave', name })).live?.commit ?? ''
  }
})

test('a builder that is killed in the middle loses nothing of a folder that was sent', async () => {
  const folder = await folderOf('slow', {
    'stack.yml': stackOf({ slow: {} }),
    'slow/handler.js': saying('survived'),
    // An engine that has seen it before would not sleep.
    'slow/package.json': JSON.stringify({ name: 'slow', description: randomUUID(), scripts: { test: 'sleep 4' } })
  })
  const detached = await deploy(folder, '--detach', '--json')
  assert.equal(detached.code, 0, detached.stderr)
  const { id } = JSON.parse(detached.stdout) as { id: string }
  const build = () => scene.installation.api.getBuild({ id })
  await waitFor(async () => (await build()).functions.some(({ status }) => status === 'building'), {
    timeoutMs: 20_000,
    what: 'the image to be built'
  })
  await scene.installation.kill()
  await scene.restart()
  const ended = await waitFor(
    async () => {
      const now = await build()
      return isTerminal(now.status) ? now : null
    },
    { timeoutMs: 60_000, what: 'the build to end' }
  )
  assert.deepEqual([ended.status, ended.reason], ['live', null])
  await answers('/function/carol-slow', 'survived')
})

test('a newer deploy of the folder stops the one that is built, and cancel stops one for good', async () => {
  const files = (words: string, seconds: number) => ({
    'stack.yml': stackOf({ quick: {} }),
    'quick/handler.js': saying(words),
    'quick/package.json': JSON.stringify({ name: 'quick', scripts: { test: `sleep ${seconds}` } })
  })
  const folder = await folderOf('quick', files('slow one', 60))
  const first = deploy(folder)
  const building = async () =>
    (await scene.installation.api.listBuilds({ owner: 'carol', status: 'building' })).items[0] ?? null
  await waitFor(building, { timeoutMs: 20_000, what: 'the first to be built' })
  await folderOf('quick', files('newest', 0))
  const second = await deploy(folder)
  assert.equal(second.code, 0, second.stderr)
  const { code, stderr } = await first
  assert.deepEqual([code, /is superseded: the folder was deployed again/.test(stderr)], [5, true], stderr)
  await answers('/function/carol-quick', 'newest')

  await folderOf('quick', files('never', 61))
  const third = deploy(folder)
  const { id } = (await waitFor(building, { timeoutMs: 20_000, what: 'the third to be built' })) as { id: string }
  await slipway(scene, ['cancel', id])
  assert.equal((await third).code, 1)
  assert.equal((await call(scene, '/function/carol-quick')).body, 'newest')
})
