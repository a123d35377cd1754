import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Failure, type FailureCode } from '@slipway/domain'
import { createLogger } from '@slipway/service'
import { tryLock } from '@slipway/service/file-lock'
import { startForge } from './forge.fixture.ts'
import { createMirrors, type FetchRequest, type Mirrors, type MirrorsOptions } from './mirrors.ts'

const signal = new AbortController().signal

function stateDirectory(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'mirrors-'))
  t.after(() => rmSync(root, { recursive: true }))
  return root
}

async function openMirrors(t: TestContext, root: string, options: Partial<MirrorsOptions> = {}): Promise<Mirrors> {
  const mirrors = await createMirrors({ root, logger: createLogger('test', 'silent'), now: Date.now, ...options })
  t.after(() => mirrors.close())
  return mirrors
}

function request(url: string, more: Partial<FetchRequest> = {}): FetchRequest {
  return { repositoryId: 'r1', cloneUrl: url, ref: 'refs/heads/main', credential: null, ...more }
}

const failsWith = (code: FailureCode, text?: RegExp) => (err: unknown) => {
  assert.ok(err instanceof Failure, String(err))
  assert.equal(err.code, code, err.message)
  if (text !== undefined) assert.match(err.message, text)
  return true
}

test('fetch and checkout give exactly the files and the message of the head, and dispose removes them', async (t) => {
  const forge = await startForge(t)
  const root = stateDirectory(t)
  const mirrors = await openMirrors(t, root)
  const commit = forge.commit('alice/app', 'main', { 'stack.yml': 'a: 1\n', 'fn/é.txt': 'hi' }, 'first line\n\nmore')

  const head = await mirrors.fetchHead(request(forge.url('alice/app')), signal)
  assert.equal(head, commit)
  const checkout = await mirrors.checkout({ repositoryId: 'r1', commit }, signal)
  assert.equal(checkout.message, 'first line\n\nmore')
  assert.deepEqual((await readdir(checkout.path, { recursive: true })).sort(), ['fn', 'fn/é.txt', 'stack.yml'])
  assert.equal(readFileSync(join(checkout.path, 'stack.yml'), 'utf8'), 'a: 1\n')
  await checkout[Symbol.asyncDispose]()
  await assert.rejects(readdir(checkout.path), { code: 'ENOENT' })
})

test('what differs between two commits is told by git, and nothing is told of a commit that is not here', async (t) => {
  const forge = await startForge(t)
  const mirrors = await openMirrors(t, stateDirectory(t))
  const from = forge.commit('alice/app', 'main', { 'a/é b': '1', same: '1', gone: '1' })
  await mirrors.fetchHead(request(forge.url('alice/app')), signal)
  const to = forge.commit('alice/app', 'main', { 'a/é b': '2', new: '1', same: '1' })
  assert.equal(await mirrors.changedPaths({ repositoryId: 'r1', from, to }, signal), null, 'it was not fetched yet')
  await mirrors.fetchHead(request(forge.url('alice/app')), signal)
  const paths = await mirrors.changedPaths({ repositoryId: 'r1', from, to }, signal)
  assert.deepEqual(paths?.sort(), ['a/é b', 'gone', 'new'])
  assert.deepEqual(await mirrors.changedPaths({ repositoryId: 'r1', from: to, to }, signal), [])
})

test('the next push is seen, and an earlier commit is still there for the asking', async (t) => {
  const forge = await startForge(t)
  const mirrors = await openMirrors(t, stateDirectory(t))
  const first = forge.commit('alice/app', 'main', { a: '1' })
  await mirrors.fetchHead(request(forge.url('alice/app')), signal)
  const second = forge.commit('alice/app', 'main', { a: '2' })
  assert.equal(await mirrors.fetchHead(request(forge.url('alice/app')), signal), second)
  await using former = await mirrors.checkout({ repositoryId: 'r1', commit: first }, signal)
  assert.equal(await readFile(join(former.path, 'a'), 'utf8'), '1')
})

test('a force push to an older commit is the head', async (t) => {
  const forge = await startForge(t)
  const mirrors = await openMirrors(t, stateDirectory(t))
  const first = forge.commit('alice/app', 'main', { a: '1' })
  forge.commit('alice/app', 'main', { a: '2' })
  await mirrors.fetchHead(request(forge.url('alice/app')), signal)
  forge.git('alice/app', ['update-ref', 'refs/heads/main', first])
  assert.equal(await mirrors.fetchHead(request(forge.url('alice/app')), signal), first)
})

test('a commit that was never the head here is fetched by its id when a rebuild asks for it', async (t) => {
  const forge = await startForge(t)
  const mirrors = await openMirrors(t, stateDirectory(t))
  const old = forge.commit('alice/app', 'main', { a: 'old' })
  const head = forge.commit('alice/app', 'main', { a: 'new' })
  assert.equal(await mirrors.fetchHead(request(forge.url('alice/app')), signal), head)
  assert.equal(await mirrors.hasCommit('r1', old, signal), false)
  assert.equal(await mirrors.fetchHead(request(forge.url('alice/app'), { extraCommit: old }), signal), head)
  assert.equal(await mirrors.hasCommit('r1', old, signal), true)
})

test('a commit that the forge does not have is no error of the fetch, and its checkout names it', async (t) => {
  const forge = await startForge(t)
  const mirrors = await openMirrors(t, stateDirectory(t))
  const head = forge.commit('alice/app', 'main', { a: '1' })
  const unknown = 'deadbeef'.repeat(5)
  assert.equal(await mirrors.fetchHead(request(forge.url('alice/app'), { extraCommit: unknown }), signal), head)
  await assert.rejects(
    mirrors.checkout({ repositoryId: 'r1', commit: unknown }, signal),
    failsWith('commit-not-found', new RegExp(unknown))
  )
  await assert.rejects(
    mirrors.checkout({ repositoryId: 'never-fetched', commit: head }, signal),
    failsWith('commit-not-found')
  )
})

test('the id of a file or a tree is not a commit: nothing is checked out', async (t) => {
  const forge = await startForge(t)
  const mirrors = await openMirrors(t, stateDirectory(t))
  forge.commit('alice/app', 'main', { a: '1' })
  await mirrors.fetchHead(request(forge.url('alice/app')), signal)
  for (const name of ['main:a', 'main^{tree}']) {
    const id = forge.git('alice/app', ['rev-parse', name])
    await assert.rejects(mirrors.checkout({ repositoryId: 'r1', commit: id }, signal), failsWith('commit-not-found'))
  }
})

test('a ref that does not exist is null, for an empty repository too, and a branch may take a former one as its folder', async (t) => {
  const forge = await startForge(t)
  const mirrors = await openMirrors(t, stateDirectory(t))
  forge.commit('alice/app', 'a', { a: '1' })
  assert.equal(await mirrors.fetchHead(request(forge.url('alice/app')), signal), null)
  assert.notEqual(await mirrors.fetchHead(request(forge.url('alice/app'), { ref: 'refs/heads/a' }), signal), null)
  forge.git('alice/app', ['update-ref', '-d', 'refs/heads/a'])
  assert.equal(await mirrors.fetchHead(request(forge.url('alice/app'), { ref: 'refs/heads/a' }), signal), null)
  const nested = forge.commit('alice/app', 'a/b', { a: '1' })
  assert.equal(await mirrors.fetchHead(request(forge.url('alice/app'), { ref: 'refs/heads/a/b' }), signal), nested)
})

test('refs, commits and addresses that git could read as something else are refused before git runs', async (t) => {
  const forge = await startForge(t)
  const root = stateDirectory(t)
  const mirrors = await openMirrors(t, root)
  const refs = [
    '-x',
    'refs/heads/-x',
    '--upload-pack=touch /tmp/x',
    'refs/heads/a..b',
    'refs/heads/a\nb',
    'main',
    'refs/heads/*'
  ]
  for (const ref of refs) {
    await assert.rejects(
      mirrors.fetchHead(request(forge.url('a/b'), { ref }), signal),
      failsWith('invalid-request'),
      ref
    )
  }
  const urls = [
    'ext::sh -c touch% /tmp/x',
    'file:///etc',
    '/etc',
    'ssh://-oProxyCommand=x/y',
    '--upload-pack=x',
    'http://user:secret@127.0.0.1/a/b',
    'git://127.0.0.1/a'
  ]
  for (const url of urls) {
    await assert.rejects(mirrors.fetchHead(request(url), signal), failsWith('invalid-request'), url)
  }
  for (const commit of ['HEAD', '--help', 'abc', '0'.repeat(40), 'main']) {
    await assert.rejects(
      mirrors.checkout({ repositoryId: 'r1', commit }, signal),
      failsWith('commit-not-found'),
      commit
    )
    await assert.rejects(mirrors.hasCommit('r1', commit, signal), failsWith('commit-not-found'), commit)
  }
  await assert.rejects(mirrors.hasCommit('../x', 'a'.repeat(40), signal), failsWith('invalid-request'))
  assert.deepEqual(await readdir(join(root, 'repositories')), [])
})

test('what goes wrong at the forge is told apart, and no message holds an address or a credential', async (t) => {
  const forge = await startForge(t)
  const mirrors = await openMirrors(t, stateDirectory(t))
  const answer = (status: number, headers = {}) =>
    forge.answers.set('/x/', (_req, res) => res.writeHead(status, headers).end())
  const attempt = (code: FailureCode) =>
    assert.rejects(
      mirrors.fetchHead(
        request(forge.url('x/y'), {
          credential: { username: 'x-access-token', password: 'hunter2hunter2', expiresAt: 0 }
        }),
        signal
      ),
      (err: unknown) => {
        failsWith(code)(err)
        assert.doesNotMatch(String(err), /hunter2|127\.0\.0\.1/)
        return true
      }
    )
  answer(404)
  await attempt('not-found')
  answer(401, { 'www-authenticate': 'Basic realm="x"' })
  await attempt('forbidden')
  answer(403)
  await attempt('forbidden')
  answer(429)
  await attempt('rate-limited')
  answer(502)
  await attempt('unavailable')
  forge.answers.set('/x/', (_req, res) => res.end('<html>hello</html>'))
  await attempt('unavailable')
  forge.answers.set('/x/', (req) => req.socket.destroy())
  await attempt('unavailable')
  await assert.rejects(mirrors.fetchHead(request('http://127.0.0.1:1/a/b'), signal), failsWith('unavailable'))
})

test('a redirect is not followed, so that a credential never reaches another host', async (t) => {
  const forge = await startForge(t)
  const other = await startForge(t)
  other.commit('a/b', 'main', { a: '1' })
  other.credential = { username: 'u', password: 'p' }
  const mirrors = await openMirrors(t, stateDirectory(t))
  forge.answers.set('/a/', (req, res) => res.writeHead(302, { location: other.url((req.url ?? '').slice(1)) }).end())
  const credential = { username: 'u', password: 'p', expiresAt: 0 }
  await assert.rejects(
    mirrors.fetchHead(request(forge.url('a/b'), { credential }), signal),
    failsWith('unavailable', /redirect/)
  )
  assert.deepEqual(other.authorizations, [])
})

test('a damaged mirror is thrown away and cloned anew', async (t) => {
  const forge = await startForge(t)
  const root = stateDirectory(t)
  const mirrors = await openMirrors(t, root)
  const commit = forge.commit('alice/app', 'main', { a: '1' })
  await mirrors.fetchHead(request(forge.url('alice/app')), signal)
  const mirror = join(root, 'repositories', 'r1.git')

  const packs = join(mirror, 'objects', 'pack')
  for (const name of await readdir(packs)) if (name.endsWith('.pack')) rmSync(join(packs, name))
  await assert.rejects(mirrors.checkout({ repositoryId: 'r1', commit }, signal), failsWith('unavailable', /damaged/))
  assert.equal(await mirrors.fetchHead(request(forge.url('alice/app')), signal), commit)
  await using again = await mirrors.checkout({ repositoryId: 'r1', commit }, signal)
  assert.equal(await readFile(join(again.path, 'a'), 'utf8'), '1')

  await writeFile(join(mirror, 'config'), '[core\n')
  assert.equal(await mirrors.fetchHead(request(forge.url('alice/app')), signal), commit)
  rmSync(join(mirror, 'objects'), { recursive: true })
  assert.equal(await mirrors.fetchHead(request(forge.url('alice/app')), signal), commit)
})

test('fetches of one repository by several callers and builders wait for each other', async (t) => {
  const forge = await startForge(t)
  const root = stateDirectory(t)
  const one = await openMirrors(t, root)
  const two = await openMirrors(t, root)
  const commit = forge.commit('alice/app', 'main', { a: '1' })
  const heads = await Promise.all(
    [one, two, one, two, one, two].map((mirrors) => mirrors.fetchHead(request(forge.url('alice/app')), signal))
  )
  assert.deepEqual(new Set(heads), new Set([commit]))
  const checkouts = await Promise.all(
    [one, two].map((mirrors) => mirrors.checkout({ repositoryId: 'r1', commit }, signal))
  )
  assert.equal(new Set(checkouts.map(({ path }) => path)).size, 2)
})

test('what a builder that is gone left behind is swept at the next start, and what a living one has is kept', async (t) => {
  const forge = await startForge(t)
  const root = stateDirectory(t)
  const alive = await openMirrors(t, root)
  const commit = forge.commit('alice/app', 'main', { a: '1' })
  await alive.fetchHead(request(forge.url('alice/app')), signal)
  await using kept = await alive.checkout({ repositoryId: 'r1', commit }, signal)

  const dead = join(root, 'checkouts', 'dead')
  await mkdir(join(dead, 'x', 'tree'), { recursive: true })
  await writeFile(`${dead}.lock`, JSON.stringify({ token: 't', host: hostname(), pid: 2 ** 22 + 1, startedAt: '1' }))
  await mkdir(join(root, 'checkouts', 'never-locked', 'tree'), { recursive: true })
  await writeFile(
    join(root, 'repositories', 'r1.lock'),
    JSON.stringify({ host: hostname(), pid: process.pid, startedAt: '1' })
  )

  const later = await openMirrors(t, root)
  const names = await readdir(join(root, 'checkouts'))
  assert.equal(names.filter((name) => name.startsWith('dead') || name.startsWith('never')).length, 0)
  assert.equal(await readFile(join(kept.path, 'a'), 'utf8'), '1')
  assert.equal(await later.fetchHead(request(forge.url('alice/app')), signal), commit)
})

test('a mirror that nobody used for the time to keep is removed at a start', async (t) => {
  const forge = await startForge(t)
  const root = stateDirectory(t)
  const first = await openMirrors(t, root)
  forge.commit('alice/app', 'main', { a: '1' })
  await first.fetchHead(request(forge.url('alice/app')), signal)
  await openMirrors(t, root, { keepMs: 60_000 })
  assert.ok((await readdir(join(root, 'repositories'))).includes('r1.git'))
  await openMirrors(t, root, { keepMs: 60_000, now: () => Date.now() + 61_000 })
  assert.ok(!(await readdir(join(root, 'repositories'))).includes('r1.git'))
})

test('beyond what is kept the mirrors go that were not used for longest, at any time, and none that is in use', async (t) => {
  const forge = await startForge(t)
  const root = stateDirectory(t)
  const mirrors = await openMirrors(t, root, { keepBytes: 600_000 })
  for (const [i, name] of ['first', 'second', 'third'].entries()) {
    forge.commit(`alice/${name}`, 'main', { a: randomBytes(250_000).toString('base64') })
    await mirrors.fetchHead(request(forge.url(`alice/${name}`), { repositoryId: name }), signal)
    const usedAt = new Date(Date.now() - (10 - i) * 60_000)
    await utimes(join(root, 'repositories', `${name}.git`, 'FETCH_HEAD'), usedAt, usedAt)
  }
  const left = async () => (await readdir(join(root, 'repositories'))).filter((name) => name.endsWith('.git')).sort()
  const used = await tryLock(join(root, 'repositories', 'first.lock'))
  await mirrors.sweep(signal)
  assert.deepEqual(await left(), ['first.git', 'second.git', 'third.git'], 'the one to go is in use')
  await used?.release()
  const { count, bytes } = await mirrors.sweep(signal)
  assert.equal(count, 1)
  assert.ok(bytes > 250_000)
  assert.deepEqual(await left(), ['second.git', 'third.git'])
})

test('what a builder leaves that dies while another one runs is swept by that one', async (t) => {
  const root = stateDirectory(t)
  const alive = await openMirrors(t, root)
  await mkdir(join(root, 'checkouts', 'dead', 'x', 'tree'), { recursive: true })
  await mkdir(join(root, 'repositories', 'r2.git.new'), { recursive: true })
  assert.equal((await alive.sweep(signal)).count, 2)
  assert.equal((await readdir(join(root, 'checkouts'))).filter((name) => name.startsWith('dead')).length, 0)
  assert.deepEqual(await readdir(join(root, 'repositories')), [])
})

test('a machine without git, or whose git breaks, is told as ours', async (t) => {
  const root = stateDirectory(t)
  const without = await openMirrors(t, root, { environment: { PATH: root } })
  await assert.rejects(
    without.fetchHead(request('https://git.example/a/b'), signal),
    failsWith('unavailable', /not installed/)
  )
  await writeFile(join(root, 'git'), '#!/bin/sh\necho fatal: No space left on device >&2; exit 128\n', { mode: 0o755 })
  await assert.rejects(without.fetchHead(request('https://git.example/a/b'), signal), failsWith('unavailable', /full/))
})

test('a SHA-256 repository is mirrored like any other', async (t) => {
  const forge = await startForge(t)
  const mirrors = await openMirrors(t, stateDirectory(t))
  forge.commit('alice/seed', 'main', { a: '1' })
  forge.git('alice/seed', [
    'init',
    '--quiet',
    '--bare',
    '--object-format=sha256',
    '--initial-branch=main',
    '../new.git'
  ])
  const commit = forge.commit('alice/new', 'main', { a: '256' })
  assert.equal(commit.length, 64)
  assert.equal(await mirrors.fetchHead(request(forge.url('alice/new')), signal), commit)
  await using checkout = await mirrors.checkout({ repositoryId: 'r1', commit }, signal)
  assert.equal(await readFile(join(checkout.path, 'a'), 'utf8'), '256')
})

test('an empty commit is an empty folder', async (t) => {
  const forge = await startForge(t)
  const mirrors = await openMirrors(t, stateDirectory(t))
  const commit = forge.commit('alice/app', 'main', {})
  await mirrors.fetchHead(request(forge.url('alice/app')), signal)
  await using checkout = await mirrors.checkout({ repositoryId: 'r1', commit }, signal)
  assert.deepEqual(await readdir(checkout.path), [])
})
