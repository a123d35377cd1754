import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { noRooms } from './engine.fixture.ts'
import { createImageEngine } from './image-engine.ts'

const signal = new AbortController().signal

/** What an engine would be asked: a shared one is never really told to remove anything. */
async function listeningEngine(t: TestContext, answers: Record<string, unknown>) {
  const directory = mkdtempSync(join(tmpdir(), 'engine-'))
  const socketPath = join(directory, 'docker.sock')
  const asked: string[] = []
  const server = createServer((req, res) => {
    const path = (req.url ?? '').replace(/^\/v[\d.]+/, '')
    asked.push(`${req.method} ${path}`)
    const answer = answers[path.split('?')[0] ?? '']
    res.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' })
    res.end(JSON.stringify(answer ?? { message: 'no such thing' }))
  })
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  t.after(() => {
    server.close()
    rmSync(directory, { recursive: true })
  })
  return { asked, engine: createImageEngine({ docker: { socketPath }, installation: 'test', rooms: noRooms }) }
}

test('the build cache is cut to a size, and to nothing less', async (t) => {
  const { asked, engine } = await listeningEngine(t, {
    '/build/prune': { CachesDeleted: ['a', 'b'], SpaceReclaimed: 4096 }
  })
  assert.deepEqual(await engine.pruneCache(1_000_000, signal), { count: 2, bytes: 4096 })
  assert.deepEqual(asked, ['POST /build/prune?keep-storage=1000000'])
})

test('an engine that had nothing to cut says null', async (t) => {
  const { engine } = await listeningEngine(t, { '/build/prune': { CachesDeleted: null, SpaceReclaimed: 0 } })
  assert.deepEqual(await engine.pruneCache(0, signal), { count: 0, bytes: 0 })
})

test('what the build cache takes is asked for alone, and what images share of it does not count', async (t) => {
  const entries = [{ Size: 30, Shared: false }, { Size: 12 }, { Size: 500, Shared: true }]
  const { asked, engine } = await listeningEngine(t, { '/system/df': { BuildCache: entries } })
  assert.equal(await engine.cacheBytes(signal), 42)
  assert.deepEqual(asked, ['GET /system/df?type=build-cache'])
  const empty = await listeningEngine(t, { '/system/df': { BuildCache: null } })
  assert.equal(await empty.engine.cacheBytes(signal), 0)
  const silent = await listeningEngine(t, {})
  await assert.rejects(silent.engine.cacheBytes(signal), /could not be asked what its build cache takes/)
})

test('an engine of this machine is asked once where its data is, one elsewhere never', async (t) => {
  const { asked, engine } = await listeningEngine(t, { '/info': { DockerRootDir: '/var/lib/docker' } })
  assert.equal(await engine.dataRoot(signal), '/var/lib/docker')
  assert.equal(await engine.dataRoot(signal), '/var/lib/docker')
  assert.equal(asked.length, 1)
  const remote = createImageEngine({
    docker: { host: 'builder.example', port: 2376 },
    installation: 'test',
    rooms: noRooms
  })
  assert.equal(await remote.dataRoot(signal), null)
})
