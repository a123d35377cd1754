import assert from 'node:assert/strict'
import { mkdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Failure } from '@slipway/domain'
import { packFiles } from './pack-files.ts'
import { packFolder } from './pack-folder.ts'
import { folderForTest, inPieces, signal, tarOf, uploadsForTest } from './uploads.fixture.ts'

const hour = 3600_000

test('a folder that is sent comes out as it went in, and has one id wherever it is sent from', async (t) => {
  const files = { 'stack.yml': 'functions: {}\n', 'hello/handler.js': 'x'.repeat(5000), 'hello/empty': '' }
  const folder = await folderForTest(t, files)
  await symlink('handler.js', join(folder, 'hello/index.js'))
  await writeFile(join(folder, 'hello/run.sh'), '#!/bin/sh\n', { mode: 0o755 })
  const { uploads, out, kept } = await uploadsForTest(t)
  const packed = await packFolder(folder)
  assert.deepEqual([packed.files, packed.bytes], [4, 5014 + 10])
  const { commit } = await uploads.receive(packed.tar, signal)
  assert.match(commit, /^[0-9a-f]{64}$/)
  await mkdir(out)
  await uploads.checkout(commit, out, signal)
  for (const [path, text] of Object.entries(files)) assert.equal(await readFile(join(out, path), 'utf8'), text)
  assert.equal(await readFile(join(out, 'hello/index.js'), 'utf8'), files['hello/handler.js'])
  assert.equal((await stat(join(out, 'hello/run.sh'))).mode & 0o111, 0o111)
  const parts: Buffer[] = []
  for await (const part of (await packFolder(folder)).tar) parts.push(part as Buffer)
  const zipped = await uploads.receive(inPieces(gzipSync(Buffer.concat(parts))), signal)
  assert.deepEqual([zipped.commit, await kept()], [commit, [commit]])
})

test('what .gitignore files and .dockerignore name is not sent, nor what belongs to git and npm', async (t) => {
  const folder = await folderForTest(t, {
    'stack.yml': 'a',
    '.gitignore': '*.log\n/build/\n',
    'a.log': '',
    'build/x': '',
    'src/build/x': '',
    'src/.gitignore': '!keep.log\nsecret\n',
    'src/keep.log': '',
    'src/secret': '',
    secret: '',
    '.dockerignore': '**/*.md\nstack.yml\n',
    'README.md': '',
    '.git/config': '',
    'hello/node_modules/x/index.js': '',
    '.slipway/store.sqlite': ''
  })
  const { uploads, out } = await uploadsForTest(t)
  const { tar, files } = await packFolder(folder)
  const { commit } = await uploads.receive(tar, signal)
  await mkdir(out)
  await uploads.checkout(commit, out, signal)
  const there = await Promise.all(
    ['stack.yml', 'src/build/x', 'src/keep.log', 'secret', '.dockerignore', '.gitignore', 'src/.gitignore'].map(
      async (path) => (await stat(join(out, path))).isFile()
    )
  )
  assert.deepEqual([files, there.every(Boolean)], [7, true])
})

test('one file of an upload is read by its name, and what is not kept is told apart from what it does not hold', async (t) => {
  const { uploads } = await uploadsForTest(t)
  const { commit } = await uploads.receive(packFiles({ 'stack.yml': 'functions', 'a/b': 'else' }), signal)
  assert.equal((await uploads.read(commit, 'stack.yml', signal))?.toString(), 'functions')
  assert.equal(await uploads.read(commit, 'b', signal), null)
  await assert.rejects(uploads.read('f'.repeat(64), 'stack.yml', signal), { code: 'commit-not-found' })
  await assert.rejects(uploads.read('../x', 'stack.yml', signal), { code: 'commit-not-found' })
})

/** What is sent, and how it is refused. */
const hostile: [string, Parameters<typeof tarOf>, Failure['code'], RegExp][] = [
  ['a path that climbs', [{ name: '../x' }], 'unsafe-path', /"\.\.\/x" leads out/],
  ['a path that climbs from within', [{ name: 'a/../../x' }], 'unsafe-path', /leads out/],
  ['an absolute path', [{ name: '/etc/x' }], 'unsafe-path', /is absolute/],
  ['a link to an absolute path', [{ name: 'a', type: 'symlink', linkname: '/etc' }], 'unsafe-path', /link to "\/etc"/],
  ['a link that climbs out', [{ name: 'a/b', type: 'symlink', linkname: '../../x' }], 'unsafe-path', /lead out/],
  [
    'a link that climbs by way of another',
    [{ name: 'a', type: 'symlink', linkname: 'd/../../x' }],
    'unsafe-path',
    /"a"/
  ],
  [
    'a file behind a link',
    [{ name: 'a', type: 'symlink', linkname: 'b' }, { name: 'a/x' }],
    'unsafe-path',
    /"a\/x" lies behind "a", which is a link/
  ],
  [
    'a file in the place of a link',
    [{ name: 'a', type: 'symlink', linkname: 'b' }, { name: './a' }],
    'unsafe-path',
    /"a" is there twice/
  ],
  ['a file behind a file', [{ name: 'a' }, { name: 'a/b' }], 'unsafe-path', /behind "a", which is a file/],
  ['a hard link', [{ name: 'x' }, { name: 'a', type: 'link', linkname: 'x' }], 'unsafe-path', /"a" is a link: only/],
  ['a device', [{ name: 'a', type: 'character-device', devmajor: 1 }], 'unsafe-path', /is a character-device/],
  ['a FIFO', [{ name: 'a', type: 'fifo' }], 'unsafe-path', /is a fifo/],
  ['a sparse file', [{ name: 'a', pax: { 'GNU.sparse.major': '1' } }], 'unsafe-path', /sparse/],
  ["a repository's hooks", [{ name: 'sub/.Git/hooks/x' }], 'unsafe-path', /belongs to git/],
  ['a file larger than allowed', [{ name: 'a', text: 'x'.repeat(2000) }], 'limit-exceeded', /a file of/],
  [
    'files larger than allowed together',
    ['a', 'b', 'c', 'd'].map((name) => ({ name, text: 'x'.repeat(900) })),
    'limit-exceeded',
    /together/
  ],
  ['too many files', Array.from({ length: 9 }, (_, i) => ({ name: `f${i}` })), 'limit-exceeded', /more than 8 files/],
  [
    'too many folders',
    Array.from({ length: 9 }, (_, i) => ({ name: `a${i}/b/`, type: 'directory' as const })),
    'limit-exceeded',
    /more than 16/
  ],
  ['folders too deep', [{ name: 'a/b/c/d/e/x' }], 'limit-exceeded', /folders 5 deep/],
  ['a name that is too long', [{ name: `a/${'n'.repeat(300)}` }], 'limit-exceeded', /too long/],
  ['nothing at all', [], 'invalid-payload', /no file/]
]

for (const [what, entries, code, words] of hostile) {
  test(`hostile: a tar with ${what} is refused naming it, and nothing of it is kept`, async (t) => {
    const limits = { files: 8, bytes: 3000, fileBytes: 1000, depth: 4 }
    const { uploads, kept } = await uploadsForTest(t, { limits })
    const tar = await tarOf(...entries)
    await assert.rejects(uploads.receive(inPieces(tar), signal), (err: unknown) => {
      assert.ok(err instanceof Failure, String(err))
      assert.deepEqual([err.code, words.test(err.message)], [code, true], err.message)
      return true
    })
    assert.deepEqual(await kept(), [])
  })
}

test('hostile: what is no tar, a part of one, or lies about itself is refused, and nothing of it is kept', async (t) => {
  const { uploads, kept } = await uploadsForTest(t)
  const tar = await tarOf({ name: 'a', text: 'x'.repeat(5000) })
  const lying = Buffer.from(tar)
  lying.write('77777777777 ', 124)
  const negative = Buffer.from(tar)
  negative.fill(0xff, 124, 136)
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from('x'),
    Buffer.alloc(4096, 'x'),
    tar.subarray(0, 2000),
    lying,
    negative,
    gzipSync(tar).subarray(0, 40),
    Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(500)])
  ]) {
    await assert.rejects(
      uploads.receive(inPieces(bytes), signal),
      (err: unknown) => err instanceof Failure && err.code === 'invalid-payload'
    )
  }
  assert.deepEqual(await kept(), [])
})

test('hostile: a gzip bomb and a body that is too large are left as soon as they are known for it', async (t) => {
  const limits = { files: 8, bytes: 50_000_000, fileBytes: 50_000_000, depth: 4 }
  const { uploads, kept } = await uploadsForTest(t, { limits, limitBytes: 100_000 })
  // What follows the archive's end is no file, and counts nevertheless.
  const bomb = gzipSync(Buffer.concat([await tarOf({ name: 'a' }), Buffer.alloc(60_000_000)]), { level: 9 })
  assert.ok(bomb.length < 100_000)
  const failure = (code: Failure['code']) => (err: unknown) => err instanceof Failure && err.code === code
  await assert.rejects(uploads.receive(inPieces(bomb), signal), failure('limit-exceeded'))
  let sent = 0
  async function* endless() {
    yield await tarOf({ name: 'a', text: 'x'.repeat(1000) })
    for (;;) {
      sent += 10_000
      yield Buffer.alloc(10_000)
    }
  }
  await assert.rejects(uploads.receive(endless(), signal), failure('payload-too-large'))
  assert.ok(sent < 300_000, `${sent}`)
  assert.deepEqual(await kept(), [])
})

test('an upload that breaks off leaves nothing', async (t) => {
  const { uploads, kept } = await uploadsForTest(t)
  async function* broken() {
    yield (await tarOf({ name: 'a', text: 'x'.repeat(9000) })).subarray(0, 3000)
    throw new Error('the sender is gone')
  }
  await assert.rejects(uploads.receive(broken(), signal), Failure)
  const stop = new AbortController()
  async function* aborted() {
    yield (await tarOf({ name: 'a', text: 'x'.repeat(9000) })).subarray(0, 3000)
    stop.abort(new Error('closing'))
    await new Promise((resolve) => setTimeout(resolve, 20))
    yield Buffer.alloc(100)
  }
  await assert.rejects(uploads.receive(aborted(), stop.signal), /closing/)
  assert.deepEqual(await kept(), [])
})

test('who has given up already reads nothing, whether it is there or not', async (t) => {
  const { uploads, out } = await uploadsForTest(t)
  const stop = new AbortController()
  stop.abort(new Error('given up'))
  await assert.rejects(uploads.checkout('a'.repeat(64), out, stop.signal), /given up/)
})

test('what is damaged on the disk is not built, and what is gone says what to do', async (t) => {
  const { uploads, root, out, kept } = await uploadsForTest(t)
  const { commit } = await uploads.receive(inPieces(await tarOf({ name: 'a', text: 'one' })), signal)
  await writeFile(join(root, commit), await tarOf({ name: 'a', text: 'two' }))
  await mkdir(out)
  const failure = (code: Failure['code']) => (err: unknown) =>
    err instanceof Failure && err.code === code && /deploy the folder again/.test(err.message)
  await assert.rejects(uploads.checkout(commit, out, signal), failure('unavailable'))
  assert.deepEqual(await kept(), [])
  await assert.rejects(uploads.checkout(commit, out, signal), failure('commit-not-found'))
})

test('uploads that nobody needs go after an hour, with what never arrived whole', async (t) => {
  const { uploads, root, kept } = await uploadsForTest(t)
  const receive = async (text: string) =>
    (await uploads.receive(inPieces(await tarOf({ name: 'a', text })), signal)).commit
  const [needed, old, young] = [await receive('1'), await receive('2'), await receive('3')]
  await writeFile(join(root, 'incoming/half'), 'half')
  const before = new Date(Date.now() - 2 * hour)
  for (const path of [needed, old, 'incoming/half']) await utimes(join(root, path), before, before)
  assert.equal((await uploads.sweep(new Set([needed]), signal)).count, 2)
  assert.deepEqual(await kept(), [needed, young].sort())
})
