import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { BuildView } from '@slipway/client'
import { type RunningRedis, startRedis, waitFor } from '@slipway/machine'
import Docker from 'dockerode'
import { call, createScene, type Scene, saying, stackOf, type TestRepository } from './scene.ts'

const docker = new Docker()
let scene: Scene
let redis: RunningRedis
const redisDirectory = mkdtempSync(join(tmpdir(), 'slipway-cancel-redis-'))
/** Takes every request and answers none. */
const silent = createServer(() => {})

before(async () => {
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  redis = await startRedis({ directory: redisDirectory })
  scene = await createScene({
    REDIS_URL: redis.url,
    TEMPLATE_SOURCES: `${silentUrl()}/*`,
    // Longer than any of these tests.
    READY_TIMEOUT_MS: '120000'
  })
})

after(async () => {
  await scene.close()
  await redis.stop()
  rmSync(redisDirectory, { recursive: true, force: true })
  silent.closeAllConnections()
  silent.close()
})

/** Far below what each of them would take if it were left alone. */
const goneMs = 15_000

const silentUrl = () => `http://127.0.0.1:${(silent.address() as AddressInfo).port}`

const hello = (words: string) => ({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying(words) })

/** A repository whose `hello` is live and says `before`. */
async function liveRepository(owner: string): Promise<TestRepository> {
  const repository = await scene.repository({ owner })
  const { status, reason } = await repository.ended(await repository.push(hello('before')))
  assert.equal(status, 'live', reason ?? '')
  return repository
}

async function buildOf(commit: string, status: BuildView['status']): Promise<BuildView> {
  const { api } = scene.installation
  return waitFor(async () => (await api.listBuilds({ commit, status })).items[0] ?? null, {
    timeoutMs: 20_000,
    what: `the build to be ${status}`
  })
}

/** Ids of processes of this machine with these words among their arguments: the engine's, too. */
function processesWith(words: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^[0-9]+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').includes(words)
    } catch {
      return false // it ended meanwhile
    }
  })
}

/** Directories that builds work in. */
function checkouts(): string[] {
  const root = join(scene.directory, 'home', 'mirrors', 'checkouts')
  return readdirSync(root).flatMap((instance) =>
    instance.endsWith('.lock') ? [] : readdirSync(join(root, instance)).map((name) => join(instance, name))
  )
}

/** Deployments that have a container of this owner. */
async function deploymentsOf(owner: string): Promise<string[]> {
  const { installation } = scene.installation.endpoints
  const label = [`com.slipway.installation=${installation}`, `com.slipway.owner=${owner}`, 'com.slipway.deployment']
  const containers = await docker.listContainers({ all: true, filters: { label } })
  return [...new Set(containers.map(({ Labels }) => Labels['com.slipway.deployment'] ?? ''))]
}

async function imagesOf(owner: string): Promise<number> {
  const { installation } = scene.installation.endpoints
  const label = [`com.slipway.installation=${installation}`, `com.slipway.owner=${owner}`]
  return (await docker.listImages({ filters: { label } })).length
}

/** Cancels, and looks that nothing is left of the build and that what was live before answers as before. */
async function assertCancels(build: BuildView, repository: TestRepository, owner: string): Promise<void> {
  const { api } = scene.installation
  const images = await imagesOf(owner)
  const { live } = await api.getFunction({ owner, name: 'hello' })
  await api.cancelBuild({ id: build.id })
  const ended = await waitFor(
    async () => {
      const found = await api.getBuild({ id: build.id })
      return found.finishedAt === null ? null : found
    },
    { timeoutMs: 30_000, what: 'the build to end' }
  )
  assert.deepEqual([ended.status, ended.reason], ['cancelled', 'cancelled by administrator'])
  await waitFor(async () => (await deploymentsOf(owner)).join() === live?.id, {
    timeoutMs: 30_000,
    what: 'the containers of the new version to go'
  })
  await waitFor(() => checkouts().length === 0, { timeoutMs: 30_000, what: 'the checkout to go' })
  assert.equal(await imagesOf(owner), images, 'no image of it stays')
  assert.equal((await call(scene, `/function/${owner}-hello`)).body, 'before')
  assert.equal((await api.getFunction({ owner, name: 'hello' })).live?.id, live?.id)
  if (ended.trigger === 'push') {
    assert.equal((await repository.statuses(build.commit))['slipway/stack']?.state, 'cancelled')
  }
}

test('while git waits for a forge that does not answer: no git is left', async () => {
  const repository = await liveRepository('gina')
  const { github, installation } = scene
  const [first] = (await installation.api.listBuilds({ owner: 'gina' })).items
  github.setOutage('git', 'hang')
  try {
    const build = await installation.api.rebuild({ id: first?.id ?? '' })
    await waitFor(() => processesWith('/gina/shop.git').length > 1, { timeoutMs: 20_000, what: 'git' })
    await assertCancels(build, repository, 'gina')
    await waitFor(() => processesWith('/gina/shop.git').length === 0, { timeoutMs: goneMs, what: 'its end' })
  } finally {
    github.setOutage('none')
  }
})

test('while templates are fetched from a host that does not answer', async () => {
  const repository = await liveRepository('tina')
  const source = `${silentUrl()}/templates`
  const stack = `${stackOf({ hello: { lang: 'special' } })}configuration:\n  templates:\n    - source: ${source}\n`
  const commit = await repository.push({ 'stack.yml': stack })
  const build = await buildOf(commit, 'building')
  await waitFor(() => processesWith(source).length > 0, { timeoutMs: 20_000, what: 'git' })
  await assertCancels(build, repository, 'tina')
  await waitFor(() => processesWith(source).length === 0, { timeoutMs: goneMs, what: 'its end' })
})

test('while a step of the image sleeps: it ends in the engine', async () => {
  const repository = await liveRepository('nina')
  const seconds = `613.${Date.now()}`
  const manifest = { name: 'hello', version: '1.0.0', scripts: { test: `sleep ${seconds}` } }
  const commit = await repository.push({ ...hello('after'), 'hello/package.json': JSON.stringify(manifest) })
  const build = await buildOf(commit, 'building')
  await waitFor(() => processesWith(`sleep ${seconds}`).length > 0, { timeoutMs: 40_000, what: 'the test to sleep' })
  await assertCancels(build, repository, 'nina')
  await waitFor(() => processesWith(`sleep ${seconds}`).length === 0, { timeoutMs: goneMs, what: 'its end' })
})

test('while one of two functions does not become ready: the other goes back as well', async () => {
  const repository = await liveRepository('rita')
  const deaf = "import { setTimeout } from 'node:timers/promises'\nawait setTimeout(1e9)\n"
  const commit = await repository.push({
    'stack.yml': stackOf({ hello: {}, deaf: { lang: 'dockerfile' } }),
    'hello/handler.js': saying('after'),
    'deaf/Dockerfile': `FROM ${process.env.BASE_NODE}\nCOPY wait.mjs .\nUSER 10001\nCMD ["node", "wait.mjs"]\n`,
    'deaf/wait.mjs': deaf
  })
  const build = await buildOf(commit, 'deploying')
  await waitFor(async () => (await deploymentsOf('rita')).length === 3, { timeoutMs: 20_000, what: 'both to start' })
  await assertCancels(build, repository, 'rita')
})

test('while it waits for another try: it is not tried again', async () => {
  const repository = await liveRepository('wanda')
  const { github, installation } = scene
  const [first] = (await installation.api.listBuilds({ owner: 'wanda' })).items
  github.setOutage('git')
  try {
    const build = await installation.api.rebuild({ id: first?.id ?? '' })
    await waitFor(async () => (await installation.api.getBuild({ id: build.id })).attempt > 0, {
      timeoutMs: 20_000,
      what: 'a try to fail'
    })
    await assertCancels(build, repository, 'wanda')
  } finally {
    github.setOutage('none')
  }
})

test('with Redis away the worker hears of it when it renews its lease', async () => {
  const repository = await liveRepository('ruth')
  const seconds = `614.${Date.now()}`
  const commit = await repository.push({
    'stack.yml': stackOf({ hello: { lang: 'dockerfile' } }),
    'hello/Dockerfile': `FROM ${process.env.BASE_NODE}\nRUN sleep ${seconds}\n`
  })
  const build = await buildOf(commit, 'building')
  await waitFor(() => processesWith(`sleep ${seconds}`).length > 0, { timeoutMs: 20_000, what: 'the step' })
  await redis.stop()
  try {
    await assertCancels(build, repository, 'ruth')
    await waitFor(() => processesWith(`sleep ${seconds}`).length === 0, { timeoutMs: goneMs, what: 'its end' })
  } finally {
    redis = await startRedis({ directory: redisDirectory, port: redis.port })
  }
})
