import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { startInstallation } from '@slipway/demo'
import { waitFor } from '@slipway/machine'
import { call, callAllTheTime, createScene, type Scene, saying, stackOf } from './scene.ts'

const run = promisify(execFile)
const mib = 1024 ** 2

/** A file system of its own for the state directory. Mounting needs root: without it this fails, and says so. */
async function smallDisk(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'slipway-disk-'))
  await run('mount', ['-t', 'tmpfs', '-o', 'size=192m', 'tmpfs', path])
  return {
    path,
    async [Symbol.asyncDispose]() {
      await run('umount', [path])
      await rm(path, { recursive: true })
    }
  }
}

/** Takes all the room that is left but for so much; returns how to give it back. */
async function fill(disk: string, leaveMib: number): Promise<() => Promise<void>> {
  const file = join(disk, 'filled')
  const handle = await open(file, 'w')
  const piece = Buffer.alloc(mib / 4)
  let written = 0
  try {
    for (;;) written += (await handle.write(piece)).bytesWritten
  } catch (err) {
    assert.equal((err as NodeJS.ErrnoException).code, 'ENOSPC')
  }
  await handle.truncate(Math.max(0, written - leaveMib * mib))
  await handle.close()
  return () => rm(file)
}

/** An installation whose state directory is a small disk. */
async function sceneOnSmallDisk(t: TestContext): Promise<{ scene: Scene; home: string }> {
  await using opened = new AsyncDisposableStack()
  const { path: home } = opened.use(await smallDisk())
  const scene = await createScene({ MIN_FREE_MB: '8' }, ({ env }) => startInstallation({ home, env }))
  opened.defer(() => scene.close())
  const toClose = opened.move()
  t.after(() => toClose.disposeAsync())
  return { scene, home }
}

const hello = (words: string) => ({ 'stack.yml': stackOf({ hello: {} }), 'hello/handler.js': saying(words) })

test('with the disk of the state directory full nothing is acknowledged that is not kept, functions answer, and all goes on when there is room', async (t) => {
  const { scene, home } = await sceneOnSmallDisk(t)
  const repository = await scene.repository({ owner: 'alice' })
  await repository.ended(await repository.push(hello('one')))

  const makeRoom = await fill(home, 0)
  await assert.rejects(writeFile(join(home, 'proof'), Buffer.alloc(mib)), { code: 'ENOSPC' })
  await rm(join(home, 'proof'), { force: true })
  const commit = await repository.push(hello('two'))
  await scene.github.settled()
  const delivery = scene.github.deliveries().findLast(({ body }) => body?.includes(commit))
  assert.ok(delivery !== undefined)
  const { responseStatus, responseBody } = delivery
  assert.ok(responseStatus === 202 || responseStatus === 503, `${responseStatus} ${responseBody} ${delivery.error}`)
  // Long enough for leases to run out and for everything that looks around to fail a few times.
  const calls = callAllTheTime(scene, '/function/alice-hello')
  t.after(() => calls.stop())
  await sleep(6000)
  assert.deepEqual((await calls.stop()).failed, [])
  assert.equal((await call(scene, '/function/alice-hello')).body, 'one')
  await makeRoom()
  const isTaken = async () => [200, 202].includes((await scene.github.redeliver(delivery.id)).responseStatus ?? 0)
  await waitFor(isTaken, { timeoutMs: 30_000, everyMs: 1000, what: 'the delivery to be taken' })
  assert.equal((await repository.ended(commit)).status, 'live')
  assert.equal((await call(scene, '/function/alice-hello')).body, 'two')

  const third = await repository.push(hello('three'))
  await waitFor(async () => (await scene.installation.api.listBuilds({ commit: third })).items[0]?.startedAt != null, {
    timeoutMs: 30_000,
    everyMs: 5,
    what: 'the build to begin'
  })
  const makeRoomAgain = await fill(home, 0)
  await sleep(3000)
  await makeRoomAgain()
  assert.equal((await repository.ended(third)).status, 'live')
  assert.equal((await call(scene, '/function/alice-hello')).body, 'three')

  const database = new DatabaseSync(join(home, 'store.sqlite'), { readOnly: true })
  assert.deepEqual({ ...database.prepare('pragma integrity_check').get() }, { integrity_check: 'ok' })
  database.close()
})

test('a build without room waits, says what is wanted, and goes on when there is some', async (t) => {
  const { scene, home } = await sceneOnSmallDisk(t)
  const repository = await scene.repository({ owner: 'alice' })
  await repository.ended(await repository.push(hello('one')))
  const makeRoom = await fill(home, 5)
  const commit = await repository.push(hello('two'))
  const waiting = await waitFor(
    async () => (await scene.installation.api.listBuilds({ commit })).items.find(({ attempt }) => attempt > 0) ?? null,
    { timeoutMs: 60_000, what: 'a failed attempt' }
  )
  assert.match(waiting.reason ?? '', /the disk of the state directory .* has \d MiB free and a build wants 8 MiB/)
  assert.ok((waiting.reason ?? '').includes(home))
  await makeRoom()
  const ended = await repository.ended(commit)
  assert.equal(ended.status, 'live')
  assert.equal((await call(scene, '/function/alice-hello')).body, 'two')
})
