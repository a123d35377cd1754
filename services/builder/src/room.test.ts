import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { measureFolders } from './room.ts'

test('what takes room in the state directory is told by folder, the largest first, beside what it is cut to', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'slipway-room-'))
  t.after(() => rm(root, { recursive: true }))
  await mkdir(join(root, 'mirrors', 'deep'), { recursive: true })
  await mkdir(join(root, 'uploads'))
  await mkdir(join(root, 'empty'))
  await writeFile(join(root, 'mirrors', 'a'), 'x'.repeat(100))
  await writeFile(join(root, 'mirrors', 'deep', 'b'), 'x'.repeat(50))
  await writeFile(join(root, 'uploads', 'c'), 'x'.repeat(400))
  await writeFile(join(root, 'a-file'), 'x'.repeat(1000))
  assert.deepEqual(await measureFolders(root, { mirrors: 1000 }, new AbortController().signal), [
    { what: 'uploads', bytes: 400, limitBytes: null },
    { what: 'mirrors', bytes: 150, limitBytes: 1000 }
  ])
})
