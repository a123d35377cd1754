import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { Failure } from '@slipway/domain'
import { createLogger } from '@slipway/service'
import { createDiskGuard } from './disk-guard.ts'

const run = promisify(execFile)
const signal = new AbortController().signal
const mib = 1024 ** 2

/** A file system of 64 MiB. Mounting needs root: without it this fails, and says so. */
async function smallDisk(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'slipway-disk-'))
  await run('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', path])
  t.after(async () => {
    await run('umount', [path])
    await rm(path, { recursive: true })
  })
  return path
}

test('a small disk wants 5 % free; what cleaning up frees lets the build go on', async (t) => {
  const path = await smallDisk(t)
  const old = join(path, 'old')
  const cleaned: string[] = []
  const guard = createDiskGuard({
    places: async () => [{ what: 'the state directory', path }],
    minFreeBytes: null,
    cleanUp: async () => {
      cleaned.push(old)
      await rm(old)
    },
    now: Date.now,
    logger: createLogger('test', 'silent')
  })
  await writeFile(old, Buffer.alloc(32 * mib))
  await guard(signal)
  assert.deepEqual(cleaned, [])
  await writeFile(join(path, 'more'), Buffer.alloc(29 * mib))
  await guard(signal)
  assert.deepEqual(cleaned, [old])
})

test('a disk that stays full refuses the build with the numbers', async (t) => {
  const path = await smallDisk(t)
  await writeFile(join(path, 'all'), Buffer.alloc(62 * mib))
  const guard = createDiskGuard({
    places: async () => [{ what: 'the state directory', path }],
    minFreeBytes: 10 * mib,
    cleanUp: async () => {},
    now: Date.now,
    logger: createLogger('test', 'silent')
  })
  await assert.rejects(
    guard(signal),
    (err) =>
      err instanceof Failure &&
      err.code === 'disk-full' &&
      err.message.includes(`(${path}) has 2 MiB free and a build wants 10 MiB`)
  )
})
