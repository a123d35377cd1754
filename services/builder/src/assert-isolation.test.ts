import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createBuildRooms } from '@slipway/cluster/build-rooms'
import { Failure } from '@slipway/domain'
import { createLogger } from '@slipway/service'
import { assertIsolation } from './assert-isolation.ts'
import { aBuild } from './engine/engine.fixture.ts'
import { createImageEngine } from './engine/image-engine.ts'

const signal = new AbortController().signal
const logger = createLogger('test', 'silent')
const able = {
  Architecture: 'x86_64',
  CgroupDriver: 'cgroupfs',
  CgroupVersion: '1',
  MemoryLimit: true,
  CpuCfsQuota: true,
  PidsLimit: true
}

/** An engine that says so of its host, and what it was asked. null: there is none. */
async function machine(t: TestContext, info: Partial<typeof able> | null, docker?: { host: string; port: number }) {
  const directory = mkdtempSync(join(tmpdir(), 'engine-'))
  const socketPath = join(directory, 'docker.sock')
  const asked: string[] = []
  const server = createServer((req, res) => {
    asked.push(`${req.method} ${(req.url ?? '').replace(/^\/v[\d.]+/, '')}`)
    res.writeHead(200, { 'content-type': 'application/json' })
    res.end(JSON.stringify(info))
  })
  if (info !== null) await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  const options = { docker: docker ?? { socketPath }, installation: 'test', logger, now: Date.now }
  const rooms = createBuildRooms({
    ...options,
    networkPool: '10.201.0.0/16',
    // With the firewall on a test would change this machine's rules.
    firewall: 'off',
    resolvers: [],
    limits: { memoryBytes: 64 * 1024 ** 2, cpuMillis: 100, pids: 16 },
    longestMs: 60_000
  })
  const engine = createImageEngine({ ...options, rooms })
  t.after(() => {
    rooms.close()
    server.closeAllConnections()
    server.close()
    rmSync(directory, { recursive: true })
  })
  return { rooms, engine, asked }
}

const refuses = (message: RegExp) => (err: unknown) =>
  err instanceof Failure && err.code === 'invalid-configuration' && message.test(err.message)

const unable: Record<string, [Partial<typeof able>, RegExp]> = {
  'an engine on cgroup v2': [{ CgroupDriver: 'systemd', CgroupVersion: '2' }, /this is "systemd" on v2/],
  'an engine whose limits do not hold': [
    { MemoryLimit: false, PidsLimit: false },
    /memory, process limits do not hold/
  ],
  'an engine of another architecture': [{ Architecture: 'aarch64' }, /made for x86-64 so far, this is aarch64/],
  'no firewall': [{}, /firewall is switched off/]
}
for (const [what, [info, words]] of Object.entries(unable)) {
  test(`with ${what} neither a start nor a build is strict in name only: both are refused in words`, async (t) => {
    const { rooms, engine, asked } = await machine(t, { ...able, ...info })
    await assert.rejects(assertIsolation('strict', rooms, logger, signal), (err: unknown) => {
      assert.ok(refuses(/^BUILD_ISOLATION is "strict", and builds cannot be kept apart .*BUILD_ISOLATION=shared/)(err))
      return refuses(words)(err)
    })
    const { build } = aBuild({ Dockerfile: 'FROM scratch\n' }, { reference: 'a/b:c', isolation: 'strict' })
    await assert.rejects(engine.build(build, signal), refuses(words))
    assert.deepEqual(new Set(asked), new Set(['GET /info']), 'the engine was only asked')
  })
}

test('of an engine on another machine the firewall is not ours, so strict is refused without asking it', async (t) => {
  const { rooms } = await machine(t, null, { host: 'engine.example', port: 2375 })
  await assert.rejects(assertIsolation('strict', rooms, logger, signal), refuses(/engine is on another machine/))
})

test('an engine that is away keeps nobody from starting, and where builds are shared it is not even asked', async (t) => {
  const away = await machine(t, null)
  await assertIsolation('strict', away.rooms, logger, signal)
  const { rooms, asked } = await machine(t, { ...able, CgroupVersion: '2' })
  await assertIsolation('shared', rooms, logger, signal)
  assert.deepEqual(asked, [])
})
