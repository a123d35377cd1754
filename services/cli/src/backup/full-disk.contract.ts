import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createStore } from '@slipway/store'
import { backup } from './backup.ts'

const run = promisify(execFile)

test('a backup of which only a part fits on its disk fails, and leaves nothing there', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-backup-'))
  const small = join(directory, 'small')
  await mkdir(small)
  // A page: what comes last is taken in part, without an error.
  await run('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', small])
  t.after(async () => {
    await run('umount', [small])
    await rm(directory, { recursive: true })
  })
  const env = { SLIPWAY_HOME: join(directory, 'home'), REGISTRY: 'registry.example' }
  const store = await createStore({ url: null, file: join(env.SLIPWAY_HOME, 'store.sqlite') })
  await store.settings.set('more than a page', randomBytes(8192).toString('hex'))
  await store.close()
  const keys = { passphrase: 'correct horse battery staple', recipients: [] }
  const write = backup({ env, file: join(small, 'b'), keys, now: Date.now }, new AbortController().signal)
  await assert.rejects(write, { code: 'disk-full' })
  assert.deepEqual(await readdir(small), [])
})
