import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { isTerminal } from '@slipway/domain'
import { startRedis, waitFor } from '@slipway/machine'
import { startPostgres } from '@slipway/testing'
import Docker from 'dockerode'
import { call, createScene, type Scene, saying, stackOf } from './scene.ts'

const docker = new Docker()

async function sceneForTest(t: TestContext, env: Record<string, string> = {}): Promise<Scene> {
  const scene = await createScene(env)
  t.after(() => scene.close())
  return scene
}

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-fault-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const hello = { 'stack.yml': stackOf({ hello: {} }) }

/** A build that takes so many seconds in one RUN step. */
function slow(seconds: number): Record<string, string> {
  return {
    'stack.yml': stackOf({ slow: { lang: 'dockerfile' } }),
    'slow/Dockerfile': [
      `FROM ${process.env.BASE_NODE}`,
      `RUN echo started at ${Date.now()} && sleep ${seconds}`,
      'COPY serve.mjs .',
      'USER 10001',
      'CMD ["node", "serve.mjs"]',
      ''
    ].join('\n'),
    'slow/serve.mjs':
      "import { createServer } from 'node:http'\ncreateServer((_req, res) => res.end('slow, but there')).listen(8080)\n"
  }
}

test('with Redis away a push is recorded and answered 202, and built when it is back', async (t) => {
  const directory = await temporary(t)
  let redis = await startRedis({ directory })
  t.after(() => redis.stop())
  const scene = await sceneForTest(t, { REDIS_URL: redis.url })
  const repository = await scene.repository({ owner: 'alice' })
  await repository.ended(await repository.push({ ...hello, 'hello/handler.js': saying('before') }))
  await redis.stop()
  const commit = await repository.push({ 'hello/handler.js': saying('after') })
  const delivery = await waitFor(
    () => scene.github.deliveries().findLast(({ body }) => body?.includes(commit)) ?? null,
    { timeoutMs: 20_000 }
  )
  await scene.github.settled()
  assert.equal(delivery.responseStatus, 202)
  assert.equal((await call(scene, '/function/alice-hello')).body, 'before', 'traffic needs no Redis')
  const [waiting] = (await scene.installation.api.listBuilds({ commit })).items
  assert.equal(waiting?.status, 'queued')
  redis = await startRedis({ directory, port: redis.port })
  assert.equal((await repository.ended(commit)).status, 'live')
  assert.equal((await call(scene, '/function/alice-hello')).body, 'after')
})

test('a control process that is killed in the middle of a build takes it up again, and it ends once', async (t) => {
  const scene = await sceneForTest(t)
  const repository = await scene.repository({ owner: 'alice' })
  const commit = await repository.push(slow(3))
  const build = await waitFor(
    async () => (await scene.installation.api.listBuilds({ commit, status: 'building' })).items[0] ?? null,
    { timeoutMs: 60_000, what: 'the build to begin' }
  )
  await waitFor(
    async () =>
      (await Array.fromAsync(scene.installation.api.followLog(build.id, { follow: false }))).some(({ text }) =>
        text.includes('started')
      ),
    {
      timeoutMs: 20_000,
      what: 'the RUN step'
    }
  )
  await scene.installation.kill()
  await scene.restart()
  const ended = await repository.ended(commit)
  assert.deepEqual([ended.id, ended.status, ended.attempt], [build.id, 'live', 0])
  assert.equal((await call(scene, '/function/alice-slow')).body, 'slow, but there')
  assert.equal((await scene.installation.api.listBuilds({ commit })).items.length, 1)
  assert.equal((await repository.statuses(commit))['slipway/stack']?.state, 'success')
})

test('a stop in the middle of a build gives it back, and the next start goes on', async (t) => {
  const scene = await sceneForTest(t)
  const repository = await scene.repository({ owner: 'alice' })
  const commit = await repository.push(slow(3))
  await waitFor(
    async () => (await scene.installation.api.listBuilds({ commit, status: 'building' })).items[0] ?? null,
    { timeoutMs: 60_000, what: 'the build to begin' }
  )
  const startedAt = Date.now()
  await scene.installation.stop()
  assert.ok(Date.now() - startedAt < 15_000)
  await scene.restart()
  const ended = await repository.ended(commit)
  assert.deepEqual([ended.status, ended.attempt], ['live', 0])
})

test('after a reboot the live functions run again, and one that was removed by hand comes back', async (t) => {
  const scene = await sceneForTest(t)
  const repository = await scene.repository({ owner: 'alice' })
  await repository.ended(await repository.push({ ...hello, 'hello/handler.js': saying('still here') }))
  const { installation } = scene.installation.endpoints
  const containers = () =>
    docker.listContainers({ all: true, filters: { label: [`com.slipway.installation=${installation}`] } })
  const answers = () =>
    waitFor(async () => (await call(scene, '/function/alice-hello')).body === 'still here', {
      timeoutMs: 30_000,
      what: 'the function to answer'
    })

  await scene.installation.kill()
  for (const { Id } of await containers()) await docker.getContainer(Id).stop({ t: 0 })
  await scene.restart()
  await answers()

  // What the restart itself is just taking away is gone all the same.
  for (const { Id } of await containers()) await docker.getContainer(Id).remove({ force: true }).catch(unlessGone)
  await answers()
})

test('with the engine away a build waits, and goes on without a restart when it is back', async (t) => {
  const directory = await temporary(t)
  const engine = createSocketProxy(join(directory, 'docker.sock'))
  await engine.open()
  t.after(() => engine.close())
  const scene = await sceneForTest(t, { DOCKER_HOST: `unix://${join(directory, 'docker.sock')}` })
  const repository = await scene.repository({ owner: 'alice' })
  await repository.ended(await repository.push({ ...hello, 'hello/handler.js': saying('before') }))
  await engine.close()
  const commit = await repository.push({ 'hello/handler.js': saying('after') })
  const waiting = await waitFor(
    async () => (await scene.installation.api.listBuilds({ commit })).items.find(({ attempt }) => attempt > 0) ?? null,
    { timeoutMs: 20_000, what: 'a failed attempt' }
  )
  assert.ok(!isTerminal(waiting.status))
  assert.match(waiting.reason ?? '', /engine|Docker/i)
  await engine.open()
  assert.equal((await repository.ended(commit)).status, 'live')
  assert.equal((await call(scene, '/function/alice-hello')).body, 'after')
})

test('with the database away a webhook answers 503 at once, and 202 when it is back', async (t) => {
  const postgres = await startPostgres()
  t.after(() => postgres.stop())
  const scene = await sceneForTest(t, { DATABASE_URL: await postgres.makeDatabase() })
  const repository = await scene.repository({ owner: 'alice' })
  await repository.ended(await repository.push({ ...hello, 'hello/handler.js': saying('on PostgreSQL') }))
  assert.equal((await call(scene, '/function/alice-hello')).body, 'on PostgreSQL')
  await postgres.halt()
  const commit = await repository.push({ 'hello/handler.js': saying('later') })
  await scene.github.settled()
  const refused = scene.github.deliveries().findLast(({ body }) => body?.includes(commit))
  assert.equal(refused?.responseStatus, 503)
  assert.ok((refused?.durationMs ?? Infinity) < 1500)
  assert.equal((await call(scene, '/function/alice-hello')).body, 'on PostgreSQL', 'the last routes go on being served')
  await postgres.resume()
  await waitFor(async () => (await scene.github.redeliver(refused?.id ?? 0)).responseStatus === 202, {
    timeoutMs: 30_000,
    what: 'the delivery to be taken'
  })
  assert.equal((await repository.ended(commit)).status, 'live')
})

function unlessGone(err: { statusCode?: number }): void {
  if (err.statusCode !== 404 && err.statusCode !== 409) throw err
}

/** Hands a Unix socket on to the engine's; closed, the engine is away for whoever uses it. */
function createSocketProxy(path: string) {
  let server: Server | null = null
  const sockets = new Set<Socket>()
  return {
    async open() {
      await rm(path, { force: true })
      server = createServer({ allowHalfOpen: true }, (near) => {
        const far = connect({ path: '/var/run/docker.sock', allowHalfOpen: true })
        for (const socket of [near, far]) {
          sockets.add(socket)
          socket.on('close', () => sockets.delete(socket))
          socket.on('error', () => socket.destroy())
        }
        near.pipe(far)
        far.pipe(near)
      })
      await new Promise<void>((resolve) => server?.listen(path, resolve))
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => (server === null ? resolve() : server.close(() => resolve())))
      server = null
      await rm(path, { force: true })
    }
  }
}
