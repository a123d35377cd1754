import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Failure } from '@slipway/domain'
import { waitFor } from '@slipway/machine'
import { createLogger } from '@slipway/service'
import { startForge } from './forge.fixture.ts'
import { createMirrors } from './mirrors.ts'

const signal = new AbortController().signal

async function prepare(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'mirrors-'))
  const forge = await startForge(t)
  const clock = { now: 1_000_000 }
  const logger = createLogger('test', 'silent')
  const mirrors = await createMirrors({ root, logger, now: () => clock.now, templateMaxAgeMs: 1000 })
  t.after(async () => {
    await mirrors.close()
    rmSync(root, { recursive: true })
  })
  return { root, forge, mirrors, clock }
}

const isFailure = (code: string) => (err: unknown) => err instanceof Failure && err.code === code

test('the default branch, a branch, a tag of either kind and a commit are found', async (t) => {
  const { forge, mirrors } = await prepare(t)
  const url = forge.url('of/templates')
  const first = forge.commit('of/templates', 'main', { 'template/a': '1' })
  forge.git('of/templates', ['tag', 'light', first])
  forge.git('of/templates', ['tag', '-a', '-m', 'one', 'v1', first])
  const second = forge.commit('of/templates', 'main', { 'template/a': '2' })
  const other = forge.commit('of/templates', 'feature/x', { 'template/a': '3' })
  const commits: Record<string, string> = {}
  for (const ref of ['light', 'v1', 'main', 'feature/x', first]) {
    const { path, commit } = await mirrors.fetchTemplateRepository(url, ref, signal)
    commits[ref] = commit
    assert.deepEqual(await readdir(join(path, 'template')), ['a'])
  }
  assert.deepEqual(commits, { light: first, v1: first, main: second, 'feature/x': other, [first]: first })
  assert.equal((await mirrors.fetchTemplateRepository(url, null, signal)).commit, second)
})

test('it stays pinned until it is too old, then follows its branch, and the former files stay where they were', async (t) => {
  const { forge, mirrors, clock } = await prepare(t)
  const url = forge.url('of/templates')
  const first = forge.commit('of/templates', 'main', { a: '1' })
  const pinned = await mirrors.fetchTemplateRepository(url, null, signal)
  const second = forge.commit('of/templates', 'main', { a: '2' })
  assert.deepEqual(await mirrors.fetchTemplateRepository(url, null, signal), pinned)
  assert.equal(pinned.commit, first)
  clock.now += 1001
  const moved = await mirrors.fetchTemplateRepository(url, null, signal)
  assert.equal(moved.commit, second)
  assert.equal(await readFile(join(pinned.path, 'a'), 'utf8'), '1')
  assert.equal(await readFile(join(moved.path, 'a'), 'utf8'), '2')
})

test('files that no pin leads to any more are removed at a start, after a day', async (t) => {
  const { root, forge, mirrors, clock } = await prepare(t)
  const url = forge.url('of/templates')
  forge.commit('of/templates', 'main', { a: '1' })
  const former = await mirrors.fetchTemplateRepository(url, null, signal)
  forge.commit('of/templates', 'main', { a: '2' })
  clock.now += 1001
  const current = await mirrors.fetchTemplateRepository(url, null, signal)
  for (const [days, isKept] of [
    [0, true],
    [2, false]
  ] as const) {
    const now = () => Date.now() + days * 24 * 3600_000
    await using _later = await createMirrors({ root, logger: createLogger('test', 'silent'), now })
    assert.equal(existsSync(former.path), isKept)
    assert.ok(existsSync(current.path))
  }
})

test('the last pin goes on being used while the repository cannot be reached, and only then', async (t) => {
  const { forge, mirrors, clock } = await prepare(t)
  const url = forge.url('of/templates')
  const first = forge.commit('of/templates', 'main', { a: '1' })
  await mirrors.fetchTemplateRepository(url, 'main', signal)
  clock.now += 1001
  forge.answers.set('/of/', (_req, res) => res.writeHead(503).end())
  assert.equal((await mirrors.fetchTemplateRepository(url, 'main', signal)).commit, first)
  await assert.rejects(mirrors.fetchTemplateRepository(url, 'dev', signal), isFailure('unavailable'))
  forge.answers.set('/of/', (_req, res) => res.writeHead(404).end())
  await assert.rejects(mirrors.fetchTemplateRepository(url, 'main', signal), isFailure('not-found'))
})

test('a branch that is not there, a name that is none and an address that is none are refused', async (t) => {
  const { forge, mirrors } = await prepare(t)
  forge.commit('of/templates', 'main', { a: '1' })
  const url = forge.url('of/templates')
  await assert.rejects(mirrors.fetchTemplateRepository(url, 'nope', signal), isFailure('not-found'))
  await assert.rejects(mirrors.fetchTemplateRepository(url, 'a'.repeat(40), signal), isFailure('commit-not-found'))
  for (const ref of ['-x', '--upload-pack=x', 'a..b', 'x:y', 'x^y']) {
    await assert.rejects(mirrors.fetchTemplateRepository(url, ref, signal), isFailure('invalid-request'), ref)
  }
  await assert.rejects(mirrors.fetchTemplateRepository('ext::sh -c x', null, signal), isFailure('invalid-request'))
})

test('a fetch that is given up leaves neither a process nor a half-made checkout, and holds nobody up', async (t) => {
  const { root, forge, mirrors } = await prepare(t)
  forge.commit('of/templates', 'main', { 'template/a': '1' })
  const url = forge.url('of/templates')
  const asked = Promise.withResolvers<void>()
  forge.answers.set('/of/templates/git-upload-pack', () => asked.resolve())
  const abort = new AbortController()
  const fetching = mirrors.fetchTemplateRepository(url, null, abort.signal)
  fetching.catch(() => {}) // looked at below
  // Another build that wants the same templates waits for the first, and may give up as well.
  const waiting = mirrors.fetchTemplateRepository(url, null, abort.signal)
  waiting.catch(() => {})
  await asked.promise
  assert.ok(gitsWith(url).length > 0)
  const reason = new Failure('cancelled', 'enough')
  abort.abort(reason)
  for (const one of [fetching, waiting]) await assert.rejects(one, (err) => err === reason)
  await waitFor(() => gitsWith(url).length === 0, { timeoutMs: 20_000, what: 'the end of git' })
  const [folder = ''] = await readdir(join(root, 'templates'))
  assert.deepEqual(await readdir(join(root, 'templates', folder)), [])
  forge.answers.clear()
  const { path } = await mirrors.fetchTemplateRepository(url, null, signal)
  assert.deepEqual(await readdir(join(path, 'template')), ['a'])
})

/** Processes of this machine with this address among their arguments. */
function gitsWith(url: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(url)
    } catch {
      return false // no process, or one that ended meanwhile
    }
  })
}
