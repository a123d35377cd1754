import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { deploymentOf } from '@slipway/testing'
import { createSecretFiles, secretsDirectoryOf } from './secret-files.ts'

async function secretFilesForTest(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'secret-files-'))
  t.after(() => rm(root, { recursive: true }))
  const directory = join(root, 'run', 'secrets')
  const files = new Map([
    ['password', Buffer.from('hunter2hunter2')],
    ['key.der', Buffer.from([0, 255])]
  ])
  const secretFiles = createSecretFiles({ directory, filesOf: () => Promise.resolve(files), now: Date.now })
  return { directory, files, secretFiles }
}

const pinned = () => deploymentOf({ secrets: [{ name: 'db', versionId: 'v1' }] })

test('each key is a file that the function can read, on a way that only the deployer can go', async (t) => {
  const { directory, secretFiles } = await secretFilesForTest(t)
  const deployment = pinned()
  await secretFiles.write(deployment)
  const path = secretFiles.pathOf(deployment) ?? ''
  assert.deepEqual((await readdir(path)).sort(), ['key.der', 'password'])
  assert.deepEqual(await readFile(join(path, 'key.der')), Buffer.from([0, 255]))
  const modes = await Promise.all(
    [directory, path, join(path, 'password')].map(async (each) => (await stat(each)).mode & 0o777)
  )
  assert.deepEqual(modes, [0o700, 0o755, 0o444])
})

test('they are written again when they are gone, changed or too many, and left alone when they are right', async (t) => {
  const { secretFiles } = await secretFilesForTest(t)
  const deployment = pinned()
  const path = secretFiles.pathOf(deployment) ?? ''
  await secretFiles.write(deployment)
  const before = (await stat(join(path, 'password'))).ino
  await secretFiles.write(deployment)
  assert.equal((await stat(join(path, 'password'))).ino, before)
  await rm(join(path, 'password'))
  await writeFile(join(path, 'left-over'), 'x')
  await rm(join(path, 'key.der'))
  await writeFile(join(path, 'key.der'), 'half')
  await secretFiles.write(deployment)
  assert.deepEqual((await readdir(path)).sort(), ['key.der', 'password'])
  assert.deepEqual(await readFile(join(path, 'key.der')), Buffer.from([0, 255]))
})

test('a deployment without secrets has no directory', async (t) => {
  const { directory, secretFiles } = await secretFilesForTest(t)
  await secretFiles.write(deploymentOf())
  assert.deepEqual([existsSync(directory), secretFiles.pathOf(deploymentOf())], [false, null])
})

test('what a deployment had goes with it, and what a crash left goes when it is old', async (t) => {
  const { directory, secretFiles } = await secretFilesForTest(t)
  const [kept, fresh, old] = [pinned(), pinned(), pinned()]
  await secretFiles.sweep(() => false)
  for (const one of [kept, fresh, old]) await secretFiles.write(one)
  for (const one of [kept, old]) await utimes(secretFiles.pathOf(one) ?? '', 1, 1)
  await secretFiles.sweep((id) => id === kept.id)
  assert.deepEqual((await readdir(directory)).sort(), [kept.id, fresh.id].sort())
  await secretFiles.remove(kept.id)
  await secretFiles.remove(kept.id)
  assert.deepEqual(await readdir(directory), [fresh.id])
})

test('memory is preferred where there is some', async (t) => {
  const { directory } = await secretFilesForTest(t)
  assert.equal(await secretsDirectoryOf('i1', [], directory), directory)
  assert.equal(await secretsDirectoryOf('i1', [tmpdir(), '/nowhere'], directory), directory)
  // A tmpfs on every Linux.
  assert.equal(await secretsDirectoryOf('i1', ['/dev/shm'], directory), '/dev/shm/slipway-i1')
})
