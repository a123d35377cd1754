import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Failure, type FailureCode } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { createLogger } from '@slipway/service'
import { startForge, type TestForge } from './forge.fixture.ts'
import { createMirrors, type Mirrors, type MirrorsOptions } from './mirrors.ts'

const signal = new AbortController().signal

async function prepare(t: TestContext, options: Partial<MirrorsOptions> = {}) {
  const root = mkdtempSync(join(tmpdir(), 'mirrors-'))
  const forge = await startForge(t)
  const mirrors = await createMirrors({ root, logger: createLogger('test', 'silent'), now: Date.now, ...options })
  t.after(async () => {
    await mirrors.close()
    rmSync(root, { recursive: true })
  })
  return { root, forge, mirrors }
}

async function checkOut(mirrors: Mirrors, forge: TestForge, repository = 'mallory/evil') {
  const request = { repositoryId: 'evil', cloneUrl: forge.url(repository), ref: 'refs/heads/main', credential: null }
  const commit = await mirrors.fetchHead(request, signal)
  assert.ok(commit !== null)
  return mirrors.checkout({ repositoryId: 'evil', commit }, signal)
}

const failsWith = (code: FailureCode, text: RegExp) => (err: unknown) => {
  assert.ok(err instanceof Failure, String(err))
  assert.equal(err.code, code, err.message)
  assert.match(err.message, text)
  return true
}

/** Points `main` at a commit of this tree: for what git's own commands would not make. */
function commitTree(forge: TestForge, entries: { mode: string; name: string; id: string }[]): string {
  const tree = writeTree(forge, entries)
  const commit = forge.git('mallory/evil', ['commit-tree', tree, '-m', 'evil'])
  forge.git('mallory/evil', ['update-ref', 'refs/heads/main', commit])
  return commit
}

function writeTree(forge: TestForge, entries: { mode: string; name: string; id: string }[]): string {
  const bytes = entries.map(({ mode, name, id }) =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')])
  )
  const args = ['hash-object', '-t', 'tree', '-w', '--stdin', '--literally']
  return forge.git('mallory/evil', args, Buffer.concat(bytes))
}

function blob(forge: TestForge, content: string): string {
  return forge.git('mallory/evil', ['hash-object', '-w', '--stdin'], content)
}

/** Processes of this machine, by what they were started with. */
function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      } catch {
        return '' // ended meanwhile
      }
    })
}

for (const path of ['.git/hooks/post-checkout', '.GIT/config', 'fn/.git', 'fn/../../x', './x']) {
  test(`a file named ${path} is refused by its name, and nothing is written`, async (t) => {
    const { root, forge, mirrors } = await prepare(t)
    forge.commit('mallory/evil', 'main', { harmless: '1' })
    const id = blob(forge, '#!/bin/sh\ntouch /tmp/never')
    const parts = path.split('/')
    let entry = { mode: '100755', name: parts.pop() ?? '', id }
    for (const name of parts.toReversed()) entry = { mode: '40000', name, id: writeTree(forge, [entry]) }
    commitTree(forge, [entry])
    await assert.rejects(checkOut(mirrors, forge), failsWith('unsafe-path', /which is not checked out/))
    const [instance = ''] = (await readdir(join(root, 'checkouts'))).filter((name) => !name.endsWith('.lock'))
    assert.deepEqual(await readdir(join(root, 'checkouts', instance)), [])
  })
}

test('attributes change nothing: no filter runs, no line end, keyword or encoding is converted, LFS pointers stay', async (t) => {
  const { forge, mirrors } = await prepare(t)
  const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n'
  const files = {
    '.gitattributes':
      '* text eol=crlf ident filter=evil\n*.u working-tree-encoding=UTF-16\n*.bin filter=lfs diff=lfs merge=lfs -text\n',
    '.gitconfig': '[filter "evil"]\n  smudge = touch /tmp/never\n  required = true\n',
    'a.txt': 'one\ntwo $Id$\n',
    'b.u': 'text\n',
    'c.bin': pointer
  }
  forge.commit('mallory/evil', 'main', files)
  await using checkout = await checkOut(mirrors, forge)
  for (const [path, content] of Object.entries(files)) {
    assert.equal(await readFile(join(checkout.path, path), 'utf8'), content)
  }
})

test('submodules are neither fetched nor run, whatever their names and addresses', async (t) => {
  const { forge, mirrors } = await prepare(t)
  const mark = join(tmpdir(), `never-${randomUUID()}`)
  const modules = ['[submodule "x"]', 'path = sub', `url = "ext::sh -c touch% ${mark}"`, 'update = "!touch"', '']
  const option = ['[submodule "-u./x"]', 'path = -u./x', 'url = -u./payload', '']
  const head = forge.commit('mallory/evil', 'main', { harmless: '1' })
  commitTree(forge, [
    { mode: '100644', name: '.gitmodules', id: blob(forge, [...modules, ...option].join('\n')) },
    { mode: '160000', name: 'sub', id: head }
  ])
  await using checkout = await checkOut(mirrors, forge)
  assert.deepEqual(await readdir(join(checkout.path, 'sub')), [])
  assert.ok(!existsSync(mark))
})

test('links are made as links, also those that lead out; nothing is written through one', async (t) => {
  const { root, forge, mirrors } = await prepare(t)
  const outside = join(root, 'outside')
  forge.commit('mallory/evil', 'main', { passwd: 'link:/etc/passwd', up: 'link:../../..', loop: 'link:loop' })
  const checkout = await checkOut(mirrors, forge)
  assert.equal(readlinkSync(join(checkout.path, 'passwd')), '/etc/passwd')
  assert.equal(readlinkSync(join(checkout.path, 'up')), '../../..')
  await checkout[Symbol.asyncDispose]()
  assert.ok(existsSync(root))

  // A tree that has the same name twice: a link to the outside, and a folder whose file would go through it.
  const file = { mode: '100644', name: 'written', id: blob(forge, 'x') }
  commitTree(forge, [
    { mode: '120000', name: 'a', id: blob(forge, outside) },
    { mode: '40000', name: 'a', id: writeTree(forge, [file]) }
  ])
  await checkOut(mirrors, forge).then(
    (second) => second[Symbol.asyncDispose](),
    (err: unknown) => assert.ok(err instanceof Failure)
  )
  assert.ok(!existsSync(outside))
})

test('too many files, a tree that unfolds without end and too deep folders are refused quickly, naming the limit', async (t) => {
  const { forge, mirrors } = await prepare(t)
  forge.commit('mallory/evil', 'main', { harmless: '1' })
  const id = blob(forge, 'x')
  const thousand = Array.from({ length: 1000 }, (_, index) => ({ mode: '100644', name: `f${1000 + index}`, id }))
  const folder = writeTree(forge, thousand)
  const folders = Array.from({ length: 200 }, (_, index) => ({ mode: '40000', name: `d${1000 + index}`, id: folder }))
  commitTree(forge, folders)
  const startedAt = performance.now()
  await assert.rejects(checkOut(mirrors, forge), failsWith('limit-exceeded', /more than 50000 files/))

  let bomb = folder
  for (let level = 0; level < 10; level++) {
    bomb = writeTree(
      forge,
      Array.from({ length: 10 }, (_, index) => ({ mode: '40000', name: `d${index}`, id: bomb }))
    )
  }
  commitTree(forge, [{ mode: '40000', name: 'bomb', id: bomb }])
  await assert.rejects(checkOut(mirrors, forge), failsWith('limit-exceeded', /more than 50000 files/))
  assert.ok(performance.now() - startedAt < 10_000)

  forge.commit('mallory/evil', 'main', { [`${'d/'.repeat(64)}file`]: '1' })
  await assert.rejects(checkOut(mirrors, forge), failsWith('limit-exceeded', /64 deep.*40 are allowed/))
})

test('a large file, a large sum and a large repository are refused, naming the limit', async (t) => {
  const limits = { fileBytes: 1024 * 1024, bytes: 2 * 1024 * 1024, mirrorBytes: 4 * 1024 * 1024 }
  const { root, forge, mirrors } = await prepare(t, { limits })
  // 64 MiB that are a few KiB on the way.
  forge.commit('mallory/evil', 'main', { sparse: '\0'.repeat(64 * 1024 * 1024) })
  await assert.rejects(checkOut(mirrors, forge), failsWith('limit-exceeded', /a file of 64 MiB \(sparse\), 1 MiB are/))
  const part = 'x'.repeat(1024 * 1024 - 1)
  forge.commit('mallory/evil', 'main', { a: part, b: part, c: part })
  await assert.rejects(checkOut(mirrors, forge), failsWith('limit-exceeded', /more than 2 MiB together/))
  forge.commit('mallory/evil', 'main', { random: randomBytes(6 * 1024 * 1024).toString('base64') })
  await assert.rejects(checkOut(mirrors, forge), failsWith('limit-exceeded', /larger than 4 MiB/))
  assert.ok(!existsSync(join(root, 'repositories', 'evil.git')))
})

test('a commit message without end is refused', async (t) => {
  const { forge, mirrors } = await prepare(t)
  forge.commit('mallory/evil', 'main', { a: '1' })
  const tree = forge.git('mallory/evil', ['rev-parse', 'main^{tree}'])
  const commit = forge.git('mallory/evil', ['commit-tree', tree], 'x'.repeat(2 * 1024 * 1024))
  forge.git('mallory/evil', ['update-ref', 'refs/heads/main', commit])
  await assert.rejects(checkOut(mirrors, forge), failsWith('limit-exceeded', /message of more than 1 MiB/))
})

test('a mirror that grew over the limit by many small pushes is begun anew', async (t) => {
  const { forge, mirrors } = await prepare(t, { limits: { mirrorBytes: 2 * 1024 * 1024 } })
  for (let push = 0; push < 4; push++) {
    forge.commit('mallory/evil', 'main', { random: randomBytes(600 * 1024).toString('base64') })
    await using checkout = await checkOut(mirrors, forge)
    assert.deepEqual(await readdir(checkout.path), ['random'])
  }
})

test('a credential opens the repository and is never in an argument or a file; a wrong one is told', async (t) => {
  const { root, forge, mirrors } = await prepare(t)
  const password = `ghs_${randomUUID()}$(x)'"\\ %s`
  forge.credential = { username: 'x-access-token', password }
  const commit = forge.commit('alice/private', 'main', { a: '1' })
  const seen: string[] = []
  forge.answers.set('/alice/private/git-upload-pack', (req) => {
    seen.push(...commandLines())
    req.socket.destroy()
  })
  const request = { repositoryId: 'p', cloneUrl: forge.url('alice/private'), ref: 'refs/heads/main' }
  const credential = { username: 'x-access-token', password, expiresAt: Date.now() + 600_000 }
  await assert.rejects(mirrors.fetchHead({ ...request, credential }, signal), failsWith('unavailable', /forge/))
  assert.ok(seen.some((line) => line.includes('git-remote-http') || line.includes('remote-http')))
  assert.ok(!seen.some((line) => line.includes(password)))
  forge.answers.clear()

  assert.equal(await mirrors.fetchHead({ ...request, credential }, signal), commit)
  await using checkout = await mirrors.checkout({ repositoryId: 'p', commit }, signal)
  assert.ok(checkout.path.startsWith(root))
  for (const name of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue
    const bytes = readFileSync(join(name.parentPath, name.name))
    assert.ok(!bytes.includes(password) && !bytes.includes('x-access-token'), name.name)
  }

  const wrong = { ...credential, password: 'wrong' }
  await assert.rejects(
    mirrors.fetchHead({ ...request, credential: wrong }, signal),
    failsWith('forbidden', /credential/)
  )
  await assert.rejects(
    mirrors.fetchHead({ ...request, credential: null }, signal),
    failsWith('forbidden', /credential/)
  )
  const lines = { ...credential, password: 'a\nhost=evil' }
  await assert.rejects(
    mirrors.fetchHead({ ...request, credential: lines }, signal),
    failsWith('invalid-configuration', /line end/)
  )
})

test('a fetch that is aborted leaves no process behind', async (t) => {
  const { forge, mirrors } = await prepare(t)
  const { url, request, asked } = hangingRepository(forge)
  const abort = new AbortController()
  const fetching = mirrors.fetchHead(request, abort.signal)
  fetching.catch(() => {}) // looked at below
  await asked
  assert.ok(commandLines().some((line) => line.includes(url)))
  const reason = new Failure('cancelled', 'enough')
  abort.abort(reason)
  await assert.rejects(fetching, (err) => err === reason)
  await waitFor(() => !commandLines().some((line) => line.includes(url)), { timeoutMs: 20_000, what: 'the end of git' })
})

test('a fetch that takes too long is told, and leaves no process behind', async (t) => {
  const { forge, mirrors } = await prepare(t, { timeoutMs: 2000 })
  const { url, request } = hangingRepository(forge)
  await assert.rejects(
    mirrors.fetchHead(request, signal),
    failsWith('unavailable', /git fetch took longer than 2 s, the limit that GIT_TIMEOUT_MS sets/)
  )
  await waitFor(() => !commandLines().some((line) => line.includes(url)), { timeoutMs: 20_000, what: 'the end of git' })
})

/** A repository whose forge takes requests for objects and never answers. */
function hangingRepository(forge: TestForge) {
  const url = forge.url('alice/slow')
  const asked = Promise.withResolvers<void>()
  forge.commit('alice/slow', 'main', { a: '1' })
  forge.answers.set('/alice/slow/git-upload-pack', () => asked.resolve())
  const request = { repositoryId: 's', cloneUrl: url, ref: 'refs/heads/main', credential: null }
  return { url, request, asked: asked.promise }
}

test("git reads no configuration but ours, whatever stands in the builder's own environment", async (t) => {
  const { root, forge, mirrors } = await prepare(t)
  const broken = join(root, 'broken.gitconfig')
  writeFileSync(broken, '[core\n')
  const ambient = {
    GIT_CONFIG_GLOBAL: broken,
    GIT_DIR: '/nonexistent',
    GIT_CONFIG_PARAMETERS: "'core'",
    GIT_TRACE: '1'
  }
  Object.assign(process.env, ambient)
  t.after(() => {
    for (const name of Object.keys(ambient)) delete process.env[name]
  })
  forge.commit('alice/app', 'main', { a: '1' })
  const request = { repositoryId: 'c', cloneUrl: forge.url('alice/app'), ref: 'refs/heads/main', credential: null }
  assert.notEqual(await mirrors.fetchHead(request, signal), null)
})
